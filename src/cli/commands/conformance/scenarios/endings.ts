import type { Scenario } from '../scenario.ts'
import { ends, expire, requests, signIn, staysSignedOut, succeeds } from './acts.ts'

/** The server ends the session, or something else looks like it. */
export const ENDINGS: readonly Scenario[] = [
  {
    name: 'revoked',
    summary: 'the user signs out everywhere, on another device',
    acts: [
      signIn,
      { kit: 'end', user: 'anna', reason: 'revoked' },
      ends({ refreshes: [0, 0], fdi: { refreshes: [0, 1] } }),
      staysSignedOut,
    ],
  },
  {
    name: 'revoked-expired',
    summary: 'the same, and the access token has expired since',
    acts: [
      signIn,
      { kit: 'end', user: 'anna', reason: 'revoked' },
      expire,
      ends({ refreshes: [0, 1] }),
      staysSignedOut,
    ],
  },
  {
    name: 'theft-by-copy',
    summary: 'a thief uses a copied refresh token first, so that the one of the app is refused as reused',
    acts: [
      signIn,
      { kit: 'thief', does: 'copy' },
      { kit: 'thief', does: 'refresh' },
      { kit: 'thief', does: 'use' },
      expire,
      { kit: 'thief', does: 'refresh' },
      { kit: 'thief', does: 'use' },
      ends({ refreshes: [1, 1] }),
      staysSignedOut,
    ],
  },
  {
    name: 'theft-found',
    summary: 'a thief comes back with an old token, and Pawl ends the session of both',
    acts: [
      signIn,
      { kit: 'thief', does: 'copy' },
      { kit: 'thief', does: 'refresh' },
      expire,
      succeeds({ refreshes: [1, 1] }),
      expire,
      succeeds({ refreshes: [1, 1] }),
      { kit: 'thief', does: 'refresh' },
      ends({ refreshes: [0, 1] }),
      staysSignedOut,
    ],
  },
  {
    name: 'replaced',
    summary: 'a new sign-in elsewhere replaced the session: the answers say `refresh: "once"`',
    protocols: ['bearer', 'cookie'],
    acts: [
      signIn,
      { kit: 'end', user: 'anna', reason: 'replaced' },
      ends({
        refreshes: [0, 2],
        advice:
          '`refresh: "once"` means: refresh a single time, and repeat that once. Then the session has ended.',
      }),
    ],
  },
  {
    name: 'once',
    summary: 'a request is refused with `refresh: "once"`, and a refresh helps',
    protocols: ['bearer', 'cookie'],
    acts: [
      signIn,
      { kit: 'requests', are: 'refused once' },
      succeeds({
        refreshes: [1, 1],
        advice: 'Treat `refresh: "once"` like `true`: refresh, and repeat the request.',
      }),
    ],
  },
  {
    name: 'app-401',
    summary: 'the application answers 401 for a reason of its own, without a code of Pawl',
    protocols: ['bearer', 'cookie'],
    acts: [
      signIn,
      requests([{ method: 'GET', path: '/theirs' }], {
        answers: [401],
        refreshes: [0, 0],
        handled: 1,
        signedIn: true,
        stored: true,
        advice:
          'Decide by `code` and `refresh` in the body. A 401 without them says nothing about the session.',
      }),
      succeeds({ refreshes: [0, 0] }),
    ],
  },
]
