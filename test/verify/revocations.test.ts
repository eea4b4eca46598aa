import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { startActing } from '../../src/core/operations/acting.ts'
import { memory } from '../../src/memory/index.ts'
import { END_REASONS } from '../../src/portable/end-reason.ts'
import type { VerifyContext } from '../../src/verify/index.ts'
import { encodeRevocations, MAX_REVOCATIONS } from '../../src/wire/revocations.ts'
import { coded } from '../support/errors.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'
import { failing, gate, REVOCATIONS_PATH, serveApplication, silent } from './application.ts'

const ENDED = coded('ERR_SESSION_ENDED') as Error
const SUPERSEDED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error
const EXPIRED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'expired' }) as Error
const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE') as Error

/** The warnings of a verifier, which knows neither a logger nor Node. */
function collectConsoleWarnings(): unknown[][] {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  onTestFinished(() => warn.mockRestore())
  return warn.mock.calls
}

/** Collects background work, so that a test can await it. */
function background(): { context: VerifyContext; done(): Promise<unknown> } {
  const work: Promise<unknown>[] = []
  return {
    context: { waitUntil: (promise) => void work.push(promise) },
    done: () => Promise.all(work),
  }
}

describe('the token of an administrator who acts as a user', () => {
  it.each(['acting session has ended', 'own session has ended', 'own session has changed'])(
    'needs a refresh once the %s',
    async (change) => {
      const { sessions, clock, verifier, login } = await serveApplication()
      const { sessionId: ownId } = await login()
      const now = clock.now()
      const administrator = {
        sessionId: ownId,
        version: 0,
        authTime: now,
        expiresAt: now + 60_000,
        canContinue: true,
      }
      const { accessToken, row } = await startActing(sessions[ENGINE], administrator, { userId: 'ben' })
      const { verify } = verifier()
      expect(await verify(accessToken.value)).toMatchObject({
        userId: 'ben',
        sessionId: row.id,
        actor: { userId: 'anna', sessionId: ownId },
        claims: {},
      })
      if (change.endsWith('changed')) await sessions.expireAccessTokens(ownId)
      else await sessions.revoke(change.startsWith('own') ? ownId : row.id)
      clock.advance(10)
      await expect(verify(accessToken.value)).rejects.toThrow(SUPERSEDED)
    },
  )
})

describe('the token of a session that ends with its parent', () => {
  it.each([0, 1])(
    'must be refreshed once session %i before it has ended, and at no other change of it',
    async (index) => {
      const { sessions, clock, verifier, login } = await serveApplication()
      const origin = 'https://shop.example.com'
      const before = [(await login()).sessionId]
      const redeem = async (from: string): Promise<Awaited<ReturnType<typeof sessions.redeem>>> =>
        sessions.redeem((await sessions.handoff(from, { origin })).code, { origin })
      before.push((await redeem(before[0]!)).session.sessionId)
      const { accessToken, session } = await redeem(before[1]!)
      const { verify } = verifier()
      const { sessionId } = session
      const verified = { sessionId, parentId: before[1], claims: { role: 'admin' } }
      expect(await verify(accessToken.value)).toMatchObject(verified)
      await sessions.setClaims(before[index]!, { role: 'other' })
      clock.advance(10)
      expect(await verify(accessToken.value)).toMatchObject({ sessionId })
      await sessions.revoke(before[index]!)
      clock.advance(10)
      await expect(verify(accessToken.value)).rejects.toThrow(SUPERSEDED)
    },
  )
})

/** A list of distinct entries. */
const numbered = (count: number): Int32Array =>
  Int32Array.from({ length: count * 3 }, (_, at) => (at % 3 === 2 ? -1 : at))

const requests = (application: { requested(path: string): number }): number =>
  application.requested(REVOCATIONS_PATH)

describe('a session that the application revoked', () => {
  it.each(END_REASONS.filter((reason) => reason !== 'idle' && reason !== 'absolute'))(
    'is refused with its reason: %s',
    async (reason) => {
      const { sessions, verifier, login } = await serveApplication()
      const { token, sessionId } = await login()
      await sessions.revoke(sessionId, reason)
      await expect(verifier().verify(token)).rejects.toThrow(
        coded('ERR_SESSION_ENDED', { sessionId, reason }) as Error,
      )
    },
  )

  it('is refused within an interval, even if its token is cached', async () => {
    const { sessions, verifier, login, clock } = await serveApplication()
    const { verify } = verifier()
    const { context, done } = background()
    const { token, sessionId } = await login()
    const { token: untouched } = await login()
    await verify(token)
    await sessions.revoke(sessionId)
    clock.advance(5)
    // The stale list still accepts this token, and the verification starts a load.
    expect((await verify(token, context)).sessionId).toBe(sessionId)
    await done()
    await expect(verify(token)).rejects.toThrow(ENDED)
    expect((await verify(untouched)).userId).toBe('anna')
  })

  it('is refused if the list is older than two intervals: the verifier waits for a new one', async () => {
    const { sessions, verifier, login, clock } = await serveApplication()
    const { verify } = verifier({ pollInterval: 2 })
    const { token, sessionId } = await login()
    await verify(token)
    await sessions.revoke(sessionId)
    clock.advance(4)
    await expect(verify(token)).rejects.toThrow(ENDED)
  })

  it('or changed needs a refresh of older access tokens; newer ones are valid', async () => {
    const { sessions, verifier, clock } = await serveApplication()
    const { verify } = verifier()
    const { accessToken, refreshToken, session } = await sessions.create({ userId: 'anna' })
    await verify(accessToken.value)
    await sessions.setClaims(session.sessionId, { role: 'editor' })
    const renewed = await sessions.refresh(refreshToken.value)
    clock.advance(10)
    await expect(verify(accessToken.value)).rejects.toThrow(SUPERSEDED)
    expect((await verify(renewed.accessToken.value)).claims).toStrictEqual({ role: 'editor' })
  })

  it('stays valid until its token expires, without the option `revocations`', async () => {
    const { sessions, verifier, login, clock, requested } = await serveApplication()
    const { verify } = verifier({ revocations: undefined as never })
    const { token, sessionId } = await login()
    await sessions.revoke(sessionId)
    clock.advance(60)
    expect((await verify(token)).sessionId).toBe(sessionId)
    expect(requested(REVOCATIONS_PATH)).toBe(0)
  })

  it('for a reason of a later release is refused with the reason `other`', async () => {
    const { verifier, login, replace } = await serveApplication()
    const { token, sessionId } = await login()
    const hex = sessionId.slice(19).replace('-', '')
    const words = [hex.slice(0, 8), hex.slice(8)].map((word) => Number.parseInt(word, 16))
    const list = encodeRevocations({ lifetime: 900, refreshBefore: 0 }, Int32Array.from([...words, -100]))
    replace(REVOCATIONS_PATH, (_req, res) => void res.end(list))
    await expect(verifier().verify(token)).rejects.toThrow(
      coded('ERR_SESSION_ENDED', { reason: 'other' }) as Error,
    )
  })

  it('is one case: `refreshBefore` and `lifetime` of the list apply to every token', async () => {
    const { verifier, login, replace, clock } = await serveApplication()
    const { token } = await login()
    const { verify } = verifier()
    const rules = { lifetime: 300, refreshBefore: clock.now() / 1000 }
    replace(REVOCATIONS_PATH, (_req, res) => void res.end(encodeRevocations(rules, new Int32Array())))
    await verify(token)
    clock.advance(304.999)
    await verify(token)
    clock.advance(0.001)
    await expect(verify(token)).rejects.toThrow(EXPIRED)
    rules.refreshBefore++
    clock.advance(-305)
    await expect(verifier().verify(token)).rejects.toThrow(SUPERSEDED)
  })
})

describe('the list', () => {
  it('is requested once per interval while the verifier is used, with its tag', async () => {
    const application = await serveApplication()
    const { verifier, login, clock, sessions } = application
    const statuses: number[] = []
    const fetched: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (String(input).endsWith(REVOCATIONS_PATH)) statuses.push(response.status)
      return response
    }
    const { verify } = verifier({ fetch: fetched })
    const { context, done } = background()
    const { token, sessionId } = await login()
    const round = async (seconds: number): Promise<void> => {
      clock.advance(seconds)
      for (let count = 0; count < 10; count++) await verify(token, context)
      await done()
    }
    await round(0)
    await round(4.999)
    expect(statuses).toStrictEqual([200])
    await round(0.001)
    await round(5)
    expect(statuses).toStrictEqual([200, 304, 304])
    await sessions.setData(sessionId, {})
    await sessions.setClaims((await login()).sessionId, {})
    await round(5)
    await round(5)
    expect(statuses).toStrictEqual([200, 304, 304, 200, 304])
    expect(requests(application)).toBe(5)
  })

  it('counts its age from the request, plus the time in a cache', async () => {
    for (const [age, waits] of [
      ['0', false],
      ['9', false],
      ['10', true],
    ] as const) {
      const application = await serveApplication()
      const { verifier, login, replace } = application
      const list = encodeRevocations({ lifetime: 900, refreshBefore: 0 }, new Int32Array())
      replace(REVOCATIONS_PATH, (_req, res) => void res.setHeader('age', age).end(list))
      const { token } = await login()
      const verified = verifier({ onStale: 'refuse' }).verify(token)
      if (waits)
        await expect(verified, age).rejects.toMatchObject({
          code: 'ERR_STORE_UNAVAILABLE',
          cause: { message: 'the response was too old on arrival' },
        })
      else expect((await verified).userId, age).toBe('anna')
    }
  })

  it.each([
    ['an error', failing(500)],
    ['no content', failing(204)],
    ['304 to a request without a tag', failing(304)],
    ['an HTML page', (_req: unknown, res: { end(body: string): void }) => res.end('<!doctype html>')],
    [
      'too many entries',
      (_req: unknown, res: { end(body: Uint8Array): void }) =>
        res.end(encodeRevocations({ lifetime: 900, refreshBefore: 0 }, numbered(MAX_REVOCATIONS + 1))),
    ],
    [
      'a truncated body',
      (_req: unknown, res: { end(body: Uint8Array): void }) =>
        res.end(
          encodeRevocations({ lifetime: 900, refreshBefore: 0 }, Int32Array.of(1, 2, -1)).subarray(0, 20),
        ),
    ],
  ])('cannot be loaded from a response with %s', async (_, listener) => {
    collectConsoleWarnings()
    const { verifier, login, replace, clock } = await serveApplication()
    const { token } = await login()
    replace(REVOCATIONS_PATH, listener)
    const { verify } = verifier({ onStale: 'refuse' })
    const error = await verify(token).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: expect.any(Error) })
    replace(REVOCATIONS_PATH, null)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })
})

describe('an address that serves no list', () => {
  it.each([
    ['responded 404', failing(404)],
    [
      'sent no revocation list',
      (_req: unknown, res: { end(body: string): void }) => res.end('<!doctype html>'),
    ],
  ])('is told once: it %s', async (words, listener) => {
    const warned = collectConsoleWarnings()
    const { verifier, login, replace, clock, revocations } = await serveApplication()
    const { token } = await login()
    const { verify } = verifier({ revocations: `${revocations}?key=hidden` })
    replace(`${REVOCATIONS_PATH}?key=hidden`, listener)
    for (let count = 0; count < 3; count++) {
      expect((await verify(token)).userId).toBe('anna')
      clock.advance(20)
    }
    expect(warned).toStrictEqual([
      [
        `Pawl: Cannot load \`revocations\`: ${revocations.slice('http://'.length)} ${words}. Check the address and the application.`,
      ],
    ])
  })

  it('is not told during an outage', async () => {
    const warned = collectConsoleWarnings()
    const { verifier, login, replace } = await serveApplication()
    const { token } = await login()
    replace(REVOCATIONS_PATH, failing(503))
    expect((await verifier().verify(token)).userId).toBe('anna')
    expect(warned).toStrictEqual([])
  })
})

it('an endless response is canceled', async () => {
  const { verifier, login, replace } = await serveApplication()
  const { token } = await login()
  let closed = false
  replace(REVOCATIONS_PATH, (_req, res) => {
    const more = (): void => {
      while (res.write(Buffer.alloc(64 * 1024)));
    }
    res.on('drain', more).on('close', () => {
      closed = true
    })
    more()
  })
  const error = await verifier({ onStale: 'refuse', timeout: 30 })
    .verify(token)
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
    cause: { message: expect.stringContaining('more than 1048576 bytes') },
  })
  while (!closed) await new Promise((resolve) => setImmediate(resolve))
})

describe('an application whose revocations cannot be loaded', () => {
  it('has its tokens checked against the last list', async () => {
    const application = await serveApplication()
    const { sessions, verifier, login, replace, clock } = application
    const { verify } = verifier()
    const [one, two] = [await login(), await login()]
    await sessions.revoke(one.sessionId)
    await expect(verify(one.token)).rejects.toThrow(ENDED)
    replace(REVOCATIONS_PATH, failing(500))
    await sessions.revoke(two.sessionId)
    clock.advance(60)
    expect((await verify(two.token)).sessionId).toBe(two.sessionId)
    await expect(verify(one.token)).rejects.toThrow(ENDED)
    replace(REVOCATIONS_PATH, null)
    clock.advance(1)
    await expect(verify(two.token)).rejects.toThrow(ENDED)
  })

  it('has its tokens refused with `onStale: refuse`, once the list is older than two intervals', async () => {
    const { verifier, login, replace, clock } = await serveApplication()
    const { verify } = verifier({ onStale: 'refuse' })
    const { token } = await login()
    const { context, done } = background()
    await verify(token)
    replace(REVOCATIONS_PATH, failing(503))
    clock.advance(9.999)
    await verify(token, context)
    await done()
    clock.advance(0.001)
    await expect(verify(token)).rejects.toThrow(UNAVAILABLE)
    replace(REVOCATIONS_PATH, null)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it('gets one request per second, and only the verification that starts it waits', async () => {
    const application = await serveApplication()
    const { verifier, login, replace, clock } = application
    const { verify } = verifier({ timeout: 1 })
    const { token } = await login()
    await verify(token)
    replace(REVOCATIONS_PATH, silent)
    clock.advance(10)
    // The first verification waits until its load fails.
    await verify(token)
    expect(requests(application)).toBe(2)
    for (let count = 0; count < 20; count++) await verify(token)
    expect(requests(application)).toBe(2)
    clock.advance(1)
    const hanging = verify(token)
    let answered = false
    void hanging.then(() => {
      answered = true
    })
    await verify(token)
    expect(answered).toBe(false)
    await hanging
    expect(requests(application)).toBe(3)
  })

  it('with a stale feed responds 503 instead of an old list', async () => {
    const { verifier, login, clock } = await serveApplication({
      revocation: { pollInterval: 60, maxStaleness: 120 },
    })
    const { verify } = verifier({ onStale: 'refuse' })
    await verify((await login()).token)
    clock.advance(121)
    await expect(verify((await login()).token)).rejects.toThrow(UNAVAILABLE)
  })
})

describe('concurrent verifications', () => {
  it('share one load: fifty send one request', async () => {
    const application = await serveApplication()
    const { verifier, login, clock, sessions } = application
    const { verify } = verifier()
    const { token, sessionId } = await login()
    await verify(token)
    await sessions.revoke(sessionId)
    clock.advance(10)
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => verify(token)))
    expect(new Set(all.map((result) => result.status === 'rejected' && result.reason.code))).toStrictEqual(
      new Set(['ERR_SESSION_ENDED']),
    )
    expect(requests(application)).toBe(2)
  })

  it('start another load if the first was abandoned', async () => {
    const { verifier, login, clock, sessions } = await serveApplication()
    let requested = 0
    // As in a Worker whose request has ended: the promise never settles.
    const dying: typeof fetch = (input, init) => {
      if (!String(input).endsWith(REVOCATIONS_PATH) || ++requested !== 2) return fetch(input, init)
      return new Promise(() => {})
    }
    const { verify } = verifier({ fetch: dying, timeout: 1 })
    const { token, sessionId } = await login()
    await verify(token)
    await sessions.revoke(sessionId)
    clock.advance(10)
    void verify(token).catch(() => {})
    // Waits until 1.9 s after the start of the load, which counts as abandoned at 1.5 s.
    clock.advance(0.9)
    const waiting = verify(token)
    clock.advance(0.6)
    await expect(waiting).rejects.toThrow(ENDED)
    expect(requested).toBe(3)
  })

  it('ignore the late response of an abandoned load', async () => {
    const { verifier, login, clock, sessions } = await serveApplication()
    const late = gate()
    let requested = 0
    const slow: typeof fetch = async (input, init) => {
      if (!String(input).endsWith(REVOCATIONS_PATH) || ++requested !== 2) return fetch(input, init)
      const response = await fetch(input, { ...init, signal: null })
      await new Promise<void>((resolve) => late.hold(() => resolve())(undefined as never, undefined as never))
      return response
    }
    const { verify } = verifier({ fetch: slow, timeout: 1 })
    const { context, done } = background()
    const { token, sessionId } = await login()
    await verify(token)
    clock.advance(5)
    await verify(token, context)
    while (late.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    await sessions.revoke(sessionId)
    clock.advance(5)
    await expect(verify(token)).rejects.toThrow(ENDED)
    late.open()
    await done()
    await expect(verify(token)).rejects.toThrow(ENDED)
  })
})

it('two processes of one application serve the same list with the same tag', async () => {
  const store = memory()
  const clock = { now: () => Date.UTC(2030, 0, 1) + elapsed }
  let elapsed = 0
  const options = { store, now: clock.now, keys: { algorithm: 'EdDSA' as const } }
  const [one, two] = [await openSessions(options), await openSessions(options)]
  const ports = await Promise.all(
    [one, two].map((sessions) => {
      const serve = nodeSessions(sessions, { revocations: true })((_req, res) => res.end())
      return listen((req, res) => void serve(req, res))
    }),
  )
  const { session } = await one.create({ userId: 'anna' })
  await one.revoke(session.sessionId)
  while (two.stats().feed.entries === 0) await new Promise((resolve) => setImmediate(resolve))
  elapsed += 1000
  const tags = await Promise.all(
    ports.map(async (port) =>
      (await fetch(`http://127.0.0.1:${port}${REVOCATIONS_PATH}`)).headers.get('etag'),
    ),
  )
  expect(tags[0]).not.toBeNull()
  expect(tags[1]).toBe(tags[0])
})
