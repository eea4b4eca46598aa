import { createServer } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createVerifier } from '../../src/verify/index.ts'
import { encodeRevocations } from '../../src/wire/revocations.ts'
import { coded } from '../support/errors.ts'
import { listen } from '../support/http-server.ts'
import { encodePart } from '../support/jwt.ts'
import { openSessions } from '../support/sessions.ts'
import { failing, gate, KEYS_PATH, type ServedApplication, serveApplication, silent } from './application.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID') as Error
const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE', { retryAfter: 5 }) as Error
const MINUTE = 60
const HOUR = 3600

/** A well-formed token of an unknown key. */
const forged = (kid: string): string =>
  `${encodePart({ alg: 'EdDSA', kid, typ: 'at+jwt' })}.${encodePart({})}.${'A'.repeat(86)}`

async function open(): Promise<ServedApplication & { keyRequests(): number }> {
  const application = await serveApplication()
  return { ...application, keyRequests: () => application.requested(KEYS_PATH) }
}
const withoutRevocations = { revocations: undefined as never }

describe('the keys of an application', () => {
  it('are loaded with the first token, and again after the `max-age` of five minutes', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const verify = verifier(withoutRevocations).verify
    expect(keyRequests()).toBe(0)
    for (let count = 0; count < 5; count++) await verify((await login()).token)
    clock.advance(5 * MINUTE - 1)
    await verify((await login()).token)
    expect(keyRequests()).toBe(1)
  })

  it('are loaded in the background once they are stale', async () => {
    const { verifier, login, clock, keys, keyRequests, replace } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    clock.advance(5 * MINUTE)
    const { hold, open: letGo } = gate()
    replace(KEYS_PATH, hold(failing(500)))
    const work: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
    // No verification waits for the response.
    for (let count = 0; count < 5; count++) await verify((await login()).token, context)
    expect(work).toHaveLength(1)
    await until(() => keyRequests() === 2)
    letGo()
    await Promise.all(work)
    replace(KEYS_PATH, null)
    clock.advance(1)
    await verify((await login()).token, context)
    await Promise.all(work)
    expect([work.length, keyRequests()]).toStrictEqual([2, 3])
    expect(keys).toContain('http://127.0.0.1')
  })

  it('are loaded where the runtime forbids more work after the response', async () => {
    const { verifier, login, clock } = await open()
    const { verify } = verifier(withoutRevocations)
    const context = {
      waitUntil(): never {
        throw new TypeError('Illegal invocation')
      },
    }
    const { token } = await login()
    expect((await verify(token, context)).userId).toBe('anna')
    clock.advance(5 * MINUTE)
    expect((await verify(token, context)).userId).toBe('anna')
  })

  it('are loaded once for many concurrent verifications', async () => {
    const { verifier, login, sessions, keyRequests, replace } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    const serve = gate()
    replace(
      KEYS_PATH,
      serve.hold((_req, res) => void res.end(JSON.stringify(sessions.keys.jwks()))),
    )
    const all = Promise.all(Array.from({ length: 50 }, () => verify(token)))
    await until(() => serve.waiting === 1)
    serve.open()
    expect(new Set((await all).map(({ userId }) => userId))).toStrictEqual(new Set(['anna']))
    expect(keyRequests()).toBe(1)
  })

  it('stay fresh for `max-age`, from half a minute to an hour, less the age of the response', async () => {
    for (const [header, age, expected] of [
      ['public, max-age=600', undefined, 600],
      ['max-age=600', '100', 500],
      ['max-age=0', undefined, 30],
      ['no-store', undefined, 300],
      [undefined, undefined, 300],
      ['max-age=86400', undefined, 3600],
      ['max-age=86400', '86000', 400],
      ['x-max-age=9', undefined, 300],
    ] as const) {
      const { verifier, login, clock, sessions, keyRequests, replace } = await open()
      replace(KEYS_PATH, (_req, res) => {
        if (header !== undefined) res.setHeader('cache-control', header)
        if (age !== undefined) res.setHeader('age', age)
        res.end(JSON.stringify(sessions.keys.jwks()))
      })
      const { verify } = verifier(withoutRevocations)
      const work: Promise<unknown>[] = []
      const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
      await verify((await login()).token, context)
      clock.advance(expected - 1)
      await verify((await login()).token, context)
      expect(keyRequests(), header).toBe(1)
      clock.advance(1)
      await verify((await login()).token, context)
      await Promise.all(work)
      expect(keyRequests(), header).toBe(2)
    }
  })

  it('are loaded at once for a token of a new key', async () => {
    const { verifier, login, clock, sessions, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    const old = await login()
    await verify(old.token)
    await sessions.keys.rotate()
    clock.advance(10 * MINUTE)
    const renewed = await login()
    expect(renewed.token.split('.')[0]).not.toBe(old.token.split('.')[0])
    expect((await verify(renewed.token)).userId).toBe('anna')
    expect((await verify(old.token)).userId).toBe('anna')
    expect(keyRequests()).toBeLessThanOrEqual(2)
  })

  it('that were removed verify no token, cached or not', async () => {
    const { verifier, login, clock, replace } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    await verify(token)
    const { sessions: other } = await open()
    replace(KEYS_PATH, (_req, res) => void res.end(JSON.stringify(other.keys.jwks())))
    const work: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
    clock.advance(5 * MINUTE)
    await verify(token, context)
    await Promise.all(work)
    await expect(verify(token)).rejects.toThrow(INVALID)
  })
})

describe('a flood of forged tokens', () => {
  it('loads keys once in ten seconds and delays no genuine token', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    await verify(token)
    const flood = (): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          expect(verify(forged(`k${index}`))).rejects.toThrow(INVALID),
        ),
      )
    await flood()
    expect(keyRequests()).toBe(1)
    clock.advance(9.9)
    await flood()
    expect(keyRequests()).toBe(1)
    clock.advance(0.1)
    await flood()
    await flood()
    expect(keyRequests()).toBe(2)
    expect((await verify(token)).userId).toBe('anna')
  })

  it('with other headers loads no keys', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    clock.advance(MINUTE)
    const headers = [
      { alg: 'none', kid: 'k', typ: 'at+jwt' },
      { alg: 'EdDSA', kid: 'k', typ: 'JWT' },
      {},
      'x',
    ]
    for (const header of headers)
      await expect(verify(`${encodePart(header)}.e30.${'A'.repeat(86)}`)).rejects.toThrow(INVALID)
    await expect(verify(`${'A'.repeat(300)}.e30.AAAA`)).rejects.toThrow(INVALID)
    expect(keyRequests()).toBe(1)
  })

  it('of malformed tokens loads no keys at all', async () => {
    const { verifier, keyRequests } = await open()
    const { verify } = verifier()
    for (const text of ['', 'a.b', 'x'.repeat(5000)]) await expect(verify(text)).rejects.toThrow(INVALID)
    expect(keyRequests()).toBe(0)
  })
})

describe('an application that does not respond', () => {
  it('leaves stale keys usable for an hour, with at most one request per second', async () => {
    const { verifier, login, clock, keyRequests, replace } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    replace(KEYS_PATH, failing(500))
    const work: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
    for (const seconds of [5 * MINUTE, 0, 0.999, 0.001]) {
      clock.advance(seconds)
      await verify((await login()).token, context)
      await Promise.all(work)
    }
    expect(keyRequests()).toBe(3)
    clock.advance(HOUR - 2)
    await verify((await login()).token, context)
    await Promise.all(work)
    clock.advance(1)
    const { token } = await login()
    await expect(verify(token)).rejects.toThrow(UNAVAILABLE)
    replace(KEYS_PATH, null)
    await expect(verify(token)).rejects.toThrow(UNAVAILABLE)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it.each([
    ['an error', failing(500)],
    ['an HTML page', (_req: unknown, res: { end(text: string): void }) => res.end('<!doctype html>')],
    ['no keys', (_req: unknown, res: { end(text: string): void }) => res.end('{ "keys": [] }')],
    ['no key set', (_req: unknown, res: { end(text: string): void }) => res.end('[]')],
    ['204', failing(204)],
    ['304', failing(304)],
  ])('with a key set, but with %s, throws StoreUnavailableError', async (_, listener) => {
    const { verifier, login, clock, replace } = await open()
    replace(KEYS_PATH, listener)
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    const error = await verify(token).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: expect.any(Error) })
    replace(KEYS_PATH, null)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it('within 64 KiB throws StoreUnavailableError', async () => {
    const { verifier, login, sessions, replace } = await open()
    const keySet = JSON.stringify(sessions.keys.jwks())
    const { token } = await login()
    replace(KEYS_PATH, (_req, res) => void res.end(keySet.padEnd(64 * 1024)))
    expect((await verifier(withoutRevocations).verify(token)).userId).toBe('anna')
    replace(KEYS_PATH, (_req, res) => void res.end(keySet.padEnd(64 * 1024 + 1)))
    await expect(verifier(withoutRevocations).verify(token)).rejects.toThrow(UNAVAILABLE)
  })

  it('within the timeout throws StoreUnavailableError', async () => {
    const { verifier, login, replace } = await open()
    replace(KEYS_PATH, silent)
    const { token } = await login()
    const timeout = vi.spyOn(AbortSignal, 'timeout')
    onTestFinished(() => timeout.mockRestore())
    await expect(verifier({ timeout: 0.1, ...withoutRevocations }).verify(token)).rejects.toThrow(UNAVAILABLE)
    expect(timeout.mock.calls).toStrictEqual([[100]])
  })

  it('completely within the timeout throws StoreUnavailableError', async () => {
    const { verifier, login, replace } = await open()
    replace(KEYS_PATH, (_req, res) => void res.write('{ "keys": ['))
    const { token } = await login()
    await expect(verifier({ timeout: 0.1, ...withoutRevocations }).verify(token)).rejects.toThrow(UNAVAILABLE)
  })

  it('but redirects is not followed', async () => {
    const { verifier, login, sessions, replace } = await open()
    let followed = 0
    const elsewhere = await listen((_req, res) => {
      followed++
      res.end(JSON.stringify(sessions.keys.jwks()))
    })
    const { token } = await login()
    for (const status of [301, 302, 303, 307, 308]) {
      replace(KEYS_PATH, (_req, res) =>
        res.writeHead(status, { location: `http://127.0.0.1:${elsewhere}/` }).end(),
      )
      await expect(verifier(withoutRevocations).verify(token)).rejects.toThrow(UNAVAILABLE)
    }
    expect(followed).toBe(0)
  })

  it('gets one request per second, and is used again when it recovers', async () => {
    const { verifier, login, clock, keyRequests, replace } = await open()
    replace(KEYS_PATH, failing(503))
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    for (let count = 0; count < 20; count++) await expect(verify(token)).rejects.toThrow(UNAVAILABLE)
    expect(keyRequests()).toBe(1)
    replace(KEYS_PATH, null)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it('because its port is closed throws StoreUnavailableError', async () => {
    const { login } = await open()
    const server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    )
    await new Promise((resolve) => server.close(resolve))
    const { verify } = createVerifier({ jwks: `http://127.0.0.1:${port}/` })
    await expect(verify((await login()).token)).rejects.toThrow(UNAVAILABLE)
  })
})

describe('a clock', () => {
  it('that is set back causes a new load and prolongs no value', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    clock.advance(-2 * HOUR)
    await verify((await login()).token)
    expect(keyRequests()).toBe(2)
  })

  it('that is set back by less than a second causes no load', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    await verify(token)
    clock.advance(-0.2)
    await verify(token)
    expect(keyRequests()).toBe(1)
  })

  it('does not affect keys given as an option', async () => {
    const { sessions, login, clock } = await open()
    const { verify } = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now })
    const { token } = await login()
    await verify(token)
    clock.advance(-0.2)
    await verify(token)
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('the time that one verification waits', () => {
  const TIMEOUT = 3000
  /** Two checks of a load whose end is missed. */
  const TOLERANCE = 20

  /** An application whose answers the test stops, and the fake time that a verification of its tokens takes. */
  async function openStopping() {
    vi.useFakeTimers()
    // The timers of Node's own signals cannot be faked.
    const signals = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('timeout')), ms)
      return controller.signal
    })
    onTestFinished(() => {
      signals.mockRestore()
      vi.useRealTimers()
    })
    const sessions = await openSessions({ keys: { algorithm: 'EdDSA' } })
    const keys = JSON.stringify(sessions.keys.jwks())
    const noRevocations = encodeRevocations({ lifetime: 900, refreshBefore: 0 }, new Int32Array())
    const stopped = { keys: false, revocations: false, forever: false }
    const verifier = createVerifier({
      jwks: 'https://app.example.com/keys',
      revocations: 'https://app.example.com/revocations',
      timeout: TIMEOUT / 1000,
      onStale: 'refuse',
      fetch: (url, { signal }) => {
        const isKeys = url.endsWith('/keys')
        if (!(isKeys ? stopped.keys : stopped.revocations))
          return Promise.resolve(new Response(isKeys ? keys : noRevocations))
        return new Promise((_, reject) => {
          if (!stopped.forever) signal.addEventListener('abort', () => reject(signal.reason))
        })
      },
    })
    async function timeOf(work: Promise<unknown>): Promise<number> {
      const startedAt = Date.now()
      let took = Number.POSITIVE_INFINITY
      const done = (): void => {
        took = Date.now() - startedAt
      }
      void work.then(done, done)
      await vi.advanceTimersByTimeAsync(20 * TIMEOUT)
      return took
    }
    const { accessToken } = await sessions.create({ userId: 'anna' })
    return { verifier, stopped, timeOf, token: accessToken.value }
  }

  it('is bounded for revocations and keys together', async () => {
    const { verifier, stopped, timeOf, token } = await openStopping()
    await verifier.verify(token)
    await vi.advanceTimersByTimeAsync(60_000)
    stopped.keys = stopped.revocations = true
    expect(await timeOf(verifier.verify(forged('unknown')))).toBeLessThanOrEqual(TIMEOUT + TOLERANCE)
  })

  it('is bounded for a request that first waits for the load of another one', async () => {
    const { verifier, stopped, timeOf, token } = await openStopping()
    stopped.keys = true
    void verifier.verify(token).catch(() => {})
    await vi.advanceTimersByTimeAsync(TIMEOUT - 1000)
    expect(await timeOf(verifier.verify(token))).toBeLessThanOrEqual(TIMEOUT + TOLERANCE)
  })

  it('is bounded for all cookies of a request together', async () => {
    const { verifier, stopped, timeOf, token } = await openStopping()
    stopped.keys = true
    const cookie = Array.from({ length: 4 }, () => `__Host-pawl-access=${token}`).join('; ')
    const request = { headers: { get: (name: string) => (name === 'cookie' ? cookie : null) } }
    expect(await timeOf(verifier.verifyRequest(request))).toBeLessThanOrEqual(TIMEOUT + TOLERANCE)
  })

  it('is bounded if `fetch` ignores the signal', async () => {
    const { verifier, stopped, timeOf, token } = await openStopping()
    Object.assign(stopped, { keys: true, forever: true })
    expect(await timeOf(verifier.verify(token))).toBeLessThanOrEqual(TIMEOUT + TOLERANCE)
  })
})
