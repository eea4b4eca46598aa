import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HttpOptions, nodeSessions } from '../../src/adapters/node/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/verify/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'

export const KEYS_PATH = '/.well-known/jwks.json'
export const REVOCATIONS_PATH = '/session/revocations'
type Listener = (req: IncomingMessage, res: ServerResponse) => void

/** An application that others verify the access tokens of, behind a real socket. */
export interface ServedApplication {
  readonly sessions: Sessions
  readonly clock: FakeClock
  readonly keys: string
  readonly revocations: string
  /** How often a path was asked for. */
  asked(path: string): number
  /** What a path answers instead, from now on; null for what the application says. */
  instead(path: string, listener: Listener | null): void
  /** A new access token, and the id of its session. */
  login(claims?: Record<string, unknown>): Promise<{ token: string; sessionId: string }>
  /** A verifier on the same clock, with both addresses. */
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
    // The clock that is moved by hand makes nothing stale meanwhile.
    revocation: { maxStaleness: 86_400 },
    ...options,
  })
  const asked = new Map<string, number>()
  const instead = new Map<string, Listener>()
  const serve = nodeSessions(sessions, http)((_req, res) => res.writeHead(404).end())
  const port = await listen((req, res) => {
    const path = req.url ?? ''
    asked.set(path, (asked.get(path) ?? 0) + 1)
    const listener = instead.get(path)
    if (listener === undefined) void serve(req, res)
    else listener(req, res)
  })
  const origin = `http://127.0.0.1:${port}`
  return {
    sessions,
    clock,
    keys: origin + KEYS_PATH,
    revocations: origin + REVOCATIONS_PATH,
    asked: (path) => asked.get(path) ?? 0,
    instead(path, listener) {
      if (listener === null) instead.delete(path)
      else instead.set(path, listener)
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

/** Answers with a status and nothing else. */
export const failing =
  (status: number): Listener =>
  (_req, res) =>
    void res.writeHead(status).end()

/** Never answers. */
export const silent: Listener = () => {}

/** Stops in its requests until it is let go on. */
export function gate(): {
  readonly hold: (pass: Listener) => Listener
  open(): void
  readonly waiting: number
} {
  let waiting: (() => void)[] = []
  return {
    hold: (pass) => (req, res) => void waiting.push(() => pass(req, res)),
    open() {
      for (const go of waiting) go()
      waiting = []
    },
    get waiting() {
      return waiting.length
    },
  }
}
