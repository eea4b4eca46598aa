import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpOptions, nodeSessions } from '../../src/adapters/node/index.ts'
import type { ClaimsObject, Sessions, SessionsOptions } from '../../src/index.ts'
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/verify/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'

export const KEYS_PATH = '/.well-known/jwks.json'
export const REVOCATIONS_PATH = '/session/revocations'
type Listener = (req: IncomingMessage, res: ServerResponse) => void

/** An application on a real socket. Other services verify its access tokens. */
export interface ServedApplication {
  readonly sessions: Sessions
  readonly clock: FakeClock
  readonly keys: string
  readonly revocations: string
  /** The number of requests for a path. */
  requested(path: string): number
  /** Replaces the responses of a path; `null` restores those of the application. */
  replace(path: string, listener: Listener | null): void
  /** A new access token and the id of its session. */
  login(claims?: ClaimsObject): Promise<{ token: string; sessionId: string }>
  /** A verifier with the addresses and the clock of the application. */
  verifier(options?: Partial<VerifierOptions>): Verifier
}

export async function serveApplication(
  options: Partial<SessionsOptions> = {},
  http: HttpOptions = { revocations: true },
): Promise<ServedApplication> {
  const clock = createFakeClock()
  const sessions = await openSessions({
    now: clock.now,
    keys: { algorithm: 'EdDSA' },
    // The tests move the clock by hand, which must not make the feed stale.
    revocation: { maxStaleness: 86_400 },
    ...options,
  })
  const requests = new Map<string, number>()
  const replacements = new Map<string, Listener>()
  const serve = nodeSessions(sessions, http)((_req, res) => res.writeHead(404).end())
  const port = await listen((req, res) => {
    const path = req.url ?? ''
    requests.set(path, (requests.get(path) ?? 0) + 1)
    const listener = replacements.get(path)
    if (listener === undefined) void serve(req, res)
    else listener(req, res)
  })
  const origin = `http://127.0.0.1:${port}`
  return {
    sessions,
    clock,
    keys: origin + KEYS_PATH,
    revocations: origin + REVOCATIONS_PATH,
    requested: (path) => requests.get(path) ?? 0,
    replace(path, listener) {
      if (listener === null) replacements.delete(path)
      else replacements.set(path, listener)
    },
    async login(claims = { role: 'admin' }) {
      const { accessToken, session } = await sessions.create({ userId: 'anna', claims })
      return { token: accessToken.value, sessionId: session.sessionId }
    },
    verifier: (more) =>
      createVerifier({
        jwks: origin + KEYS_PATH,
        revocations: origin + REVOCATIONS_PATH,
        now: clock.now,
        ...more,
      }),
  }
}

/** Responds with a status and no body. */
export const failing =
  (status: number): Listener =>
  (_req, res) =>
    void res.writeHead(status).end()

/** Never responds. */
export const silent: Listener = () => {}

/** Holds requests back until `open` is called. */
export function gate(): {
  readonly hold: (pass: Listener) => Listener
  open(): void
  readonly waiting: number
} {
  let waiting: (() => void)[] = []
  return {
    hold: (pass) => (req, res) => void waiting.push(() => pass(req, res)),
    open() {
      for (const pass of waiting) pass()
      waiting = []
    },
    get waiting() {
      return waiting.length
    },
  }
}
