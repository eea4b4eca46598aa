import type { Scenario } from '../scenario.ts'
import { expire, NOTES, requests, signIn, signOut, WRITE } from './acts.ts'

/** Tokens go to nobody else. */
export const LEAKS: readonly Scenario[] = [
  {
    name: 'urls',
    summary: 'no URL holds a token, and no other route gets the refresh token',
    acts: [
      signIn,
      requests([NOTES, WRITE], { answers: [200, 201], clean: true }),
      expire,
      requests([NOTES], { answers: [200], clean: true }),
      signOut({ clean: true }),
    ],
  },
  {
    name: 'other-origin',
    summary: 'the app calls another origin, which answers 200 and 401',
    acts: [
      signIn,
      requests([{ method: 'GET', path: '/open', origin: 'other' }], { answers: [200], keptFromOthers: true }),
      requests([{ method: 'GET', path: '/refused', origin: 'other' }], {
        answers: [401],
        keptFromOthers: true,
        refreshes: [0, 0],
        signedIn: true,
        stored: true,
        advice: 'Only answers of the API say something about the session. Compare scheme, host and port.',
      }),
    ],
  },
  {
    name: 'redirect',
    summary: 'a route of the API redirects to another origin',
    acts: [
      signIn,
      requests([{ method: 'GET', path: '/away' }], { keptFromOthers: true, signedIn: true, stored: true }),
    ],
  },
]
