import type { Got, TransferMode } from './client.ts'

/** Where the tokens of a session are, by the way to pass them. */
export const TOKENS: Readonly<Record<TransferMode, readonly string[]>> = {
  cookie: ['sAccessToken', 'sFrontToken', 'sRefreshToken'],
  header: ['sFrontToken', 'st-access-token', 'st-refresh-token'],
}

/** The answer to a client without a session. */
export const UNAUTHORISED: Got = { status: 401, message: 'unauthorised' }
/** The answer to the client whose token shows that somebody else has a copy. */
export const THEFT: Got = { status: 401, message: 'token theft detected' }
