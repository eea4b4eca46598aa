import type { Scenario } from '../scenario.ts'
import { expire, NOTES, requests, restart, signIn, signOut, staysSignedOut, succeeds, WRITE } from './acts.ts'

/** What happens every day. */
export const LIFE: readonly Scenario[] = [
  {
    name: 'life',
    summary: 'sign in, read, write, sign out',
    acts: [
      signIn,
      requests([NOTES, WRITE], { answers: [200, 201], refreshes: [0, 0], handled: 2, signedIn: true }),
      signOut(),
      staysSignedOut,
    ],
  },
  {
    name: 'not-signed-in',
    summary: 'a request before any sign-in is refused',
    acts: [
      requests([NOTES], {
        answers: [401],
        refreshes: [0, 0],
        // The web client of SuperTokens asks once at its first request.
        fdi: { refreshes: [0, 1] },
        signedIn: false,
        advice: '`not_signed_in` has `refresh: false`: nobody is signed in, and a refresh cannot help.',
      }),
      staysSignedOut,
    ],
  },
  {
    name: 'restart',
    summary: 'the app is started anew, also after its access token has expired',
    acts: [
      signIn,
      restart,
      succeeds({ advice: 'Keep both tokens in a storage that survives the app, and read it at the start.' }),
      restart,
      expire,
      succeeds({ refreshes: [1, 1] }),
    ],
  },
  {
    name: 'expiry',
    summary: 'the access token has expired when the app reads and writes',
    acts: [
      signIn,
      expire,
      requests([NOTES], { answers: [200], refreshes: [1, 1], handled: 1, signedIn: true, stored: true }),
      expire,
      requests([WRITE], { answers: [201], refreshes: [1, 1], handled: 1, signedIn: true, stored: true }),
    ],
  },
  {
    name: 'sign-out-expired',
    summary: 'the user signs out after the access token has expired',
    acts: [signIn, expire, signOut({ refreshes: [0, 1] }), staysSignedOut],
  },
  {
    name: 'clock-behind',
    summary: "the server's clock is two hours behind that of the device",
    clock: -7200,
    acts: [
      signIn,
      ...[1, 2, 3].map(() =>
        succeeds({
          refreshes: [0, 0],
          advice:
            'Do not compare the expiry in a token with the clock of the device. Measure the time since the answer, or wait for a 401.',
        }),
      ),
    ],
  },
]
