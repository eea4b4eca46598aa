import { type ClientAct, type Expectation, type KitAct, NOTE, type Wanted } from '../scenario.ts'

const ME: Wanted = { method: 'GET', path: '/me' }
export const NOTES: Wanted = { method: 'GET', path: '/notes' }
export const WRITE: Wanted = { method: 'POST', path: '/notes', body: NOTE }

/** What holds as long as the session goes on. */
const ALIVE: Expectation = { signedIn: true, stored: true }
/** What holds once it has ended. */
const OVER: Expectation = { signedIn: false, stored: false }

export const signIn: ClientAct = { do: 'sign-in', user: 'anna', expect: { ...ALIVE, refreshes: [0, 0] } }
export const restart: ClientAct = { do: 'restart' }

/** One request, which succeeds. */
export function succeeds(expect: Expectation = {}): ClientAct {
  return { do: 'requests', requests: [ME], expect: { answers: [200], ...ALIVE, ...expect } }
}

/** One request, which fails while the session goes on. */
export function survives(expect: Expectation): ClientAct {
  return { do: 'requests', requests: [ME], expect: { ...ALIVE, ...expect } }
}

/** One request, by which the client learns that the session has ended. */
export function ends(expect: Expectation): ClientAct {
  return { do: 'requests', requests: [ME], expect: { answers: [401], ...OVER, ...expect } }
}

/** One request of a client that knows that nobody is signed in. */
export const staysSignedOut: ClientAct = ends({
  refreshes: [0, 0],
  withoutTokens: true,
  advice:
    'Once the session has ended, forget the tokens in memory and in the storage, send requests without them, and do not refresh.',
})

export function requests(wanted: readonly Wanted[], expect: Expectation): ClientAct {
  return { do: 'requests', requests: wanted, expect }
}

/** One request that the client does not wait for. */
export const inBackground: ClientAct = { do: 'requests', requests: [ME], background: true }

export function wait(expect: Expectation): ClientAct {
  return { do: 'wait', expect: { ...ALIVE, ...expect } }
}

export function signOut(expect: Expectation = {}): ClientAct {
  return { do: 'sign-out', expect: { ...OVER, ended: true, ...expect } }
}

/** Turns the server's clock until the access token has expired, and any older refresh token is too late. */
export const expire: KitAct = { kit: 'advance', seconds: 3600 }
