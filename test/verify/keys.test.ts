import { createServer } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createVerifier } from '../../src/verify/index.ts'
import { coded } from '../support/errors.ts'
import { listen } from '../support/http-server.ts'
import { encodePart } from '../support/jwt.ts'
import { failing, gate, KEYS_PATH, type ServedApplication, serveApplication, silent } from './application.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID') as Error
const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE', { retryAfter: 5 }) as Error
const MINUTE = 60
const HOUR = 3600

/** Well-formed, of a key that nobody has. */
const forged = (kid: string): string =>
  `${encodePart({ alg: 'EdDSA', kid, typ: 'at+jwt' })}.${encodePart({})}.${'A'.repeat(86)}`

async function open(): Promise<ServedApplication & { keyRequests(): number }> {
  const application = await serveApplication()
  return { ...application, keyRequests: () => application.asked(KEYS_PATH) }
}
const withoutRevocations = { revocations: undefined as never }

describe('the keys of an application', () => {
  it('are asked for once, by the first token, and then every five minutes, as it says', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const verify = verifier(withoutRevocations).verify
    expect(keyRequests()).toBe(0)
    for (let count = 0; count < 5; count++) await verify((await login()).token)
    clock.advance(5 * MINUTE - 1)
    await verify((await login()).token)
    expect(keyRequests()).toBe(1)
  })

  it('are asked for in the background once they are no longer fresh', async () => {
    const { verifier, login, clock, keys, keyRequests, instead } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    clock.advance(5 * MINUTE)
    const { hold, open: letGo } = gate()
    instead(KEYS_PATH, hold(failing(500)))
    const work: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
    // Nobody waits for an answer that does not come.
    for (let count = 0; count < 5; count++) await verify((await login()).token, context)
    expect(work).toHaveLength(1)
    await until(() => keyRequests() === 2)
    letGo()
    await Promise.all(work)
    instead(KEYS_PATH, null)
    clock.advance(1)
    await verify((await login()).token, context)
    await Promise.all(work)
    expect([work.length, keyRequests()]).toStrictEqual([2, 3])
    expect(keys).toContain('http://127.0.0.1')
  })

  it('are asked for once by any number that wait for the first', async () => {
    const { verifier, login, sessions, keyRequests, instead } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    const serve = gate()
    instead(
      KEYS_PATH,
      serve.hold((_req, res) => void res.end(JSON.stringify(sessions.keys.jwks()))),
    )
    const all = Promise.all(Array.from({ length: 50 }, () => verify(token)))
    await until(() => serve.waiting === 1)
    serve.open()
    expect(new Set((await all).map(({ userId }) => userId))).toStrictEqual(new Set(['anna']))
    expect(keyRequests()).toBe(1)
  })

  it('are kept for what the answer says, from half a minute to an hour, less its age', async () => {
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
      const { verifier, login, clock, sessions, keyRequests, instead } = await open()
      instead(KEYS_PATH, (_req, res) => {
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

  it('rotate: a token of a new key has them asked for at once', async () => {
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

  it('that are gone verify nothing any more, seen before or not', async () => {
    const { verifier, login, clock, instead } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    await verify(token)
    const { sessions: other } = await open()
    instead(KEYS_PATH, (_req, res) => void res.end(JSON.stringify(other.keys.jwks())))
    const work: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
    clock.advance(5 * MINUTE)
    await verify(token, context)
    await Promise.all(work)
    await expect(verify(token)).rejects.toThrow(INVALID)
  })
})

describe('a flood of forged tokens', () => {
  it('asks for keys once in ten seconds, and holds up no genuine token', async () => {
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

  it('of other headers asks for none', async () => {
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

  it('of what is no token does not even ask the first time', async () => {
    const { verifier, keyRequests } = await open()
    const { verify } = verifier()
    for (const text of ['', 'a.b', 'x'.repeat(5000)]) await expect(verify(text)).rejects.toThrow(INVALID)
    expect(keyRequests()).toBe(0)
  })
})

describe('an application that does not answer', () => {
  it('leaves the keys in use for an hour, asked for again every second at most', async () => {
    const { verifier, login, clock, keyRequests, instead } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    instead(KEYS_PATH, failing(500))
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
    instead(KEYS_PATH, null)
    await expect(verify(token)).rejects.toThrow(UNAVAILABLE)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it.each([
    ['an error', failing(500)],
    ['another page', (_req: unknown, res: { end(text: string): void }) => res.end('<!doctype html>')],
    ['no keys', (_req: unknown, res: { end(text: string): void }) => res.end('{ "keys": [] }')],
    ['no set', (_req: unknown, res: { end(text: string): void }) => res.end('[]')],
    ['204', failing(204)],
    ['304', failing(304)],
  ])('as it should, but with %s, is unavailable', async (_, listener) => {
    const { verifier, login, clock, instead } = await open()
    instead(KEYS_PATH, listener)
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    const error = await verify(token).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: expect.any(Error) })
    instead(KEYS_PATH, null)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it('in 64 KiB is unavailable', async () => {
    const { verifier, login, sessions, instead } = await open()
    const keySet = JSON.stringify(sessions.keys.jwks())
    const { token } = await login()
    instead(KEYS_PATH, (_req, res) => void res.end(keySet.padEnd(64 * 1024)))
    expect((await verifier(withoutRevocations).verify(token)).userId).toBe('anna')
    instead(KEYS_PATH, (_req, res) => void res.end(keySet.padEnd(64 * 1024 + 1)))
    await expect(verifier(withoutRevocations).verify(token)).rejects.toThrow(UNAVAILABLE)
  })

  it('within the timeout is unavailable', async () => {
    const { verifier, login, instead } = await open()
    instead(KEYS_PATH, silent)
    const { token } = await login()
    const timeout = vi.spyOn(AbortSignal, 'timeout')
    onTestFinished(() => timeout.mockRestore())
    await expect(verifier({ timeout: 0.1, ...withoutRevocations }).verify(token)).rejects.toThrow(UNAVAILABLE)
    expect(timeout.mock.calls).toStrictEqual([[100]])
  })

  it('to its end within the timeout is unavailable', async () => {
    const { verifier, login, instead } = await open()
    instead(KEYS_PATH, (_req, res) => void res.write('{ "keys": ['))
    const { token } = await login()
    await expect(verifier({ timeout: 0.1, ...withoutRevocations }).verify(token)).rejects.toThrow(UNAVAILABLE)
  })

  it('but sends elsewhere is not followed', async () => {
    const { verifier, login, sessions, instead } = await open()
    let followed = 0
    const elsewhere = await listen((_req, res) => {
      followed++
      res.end(JSON.stringify(sessions.keys.jwks()))
    })
    const { token } = await login()
    for (const status of [301, 302, 303, 307, 308]) {
      instead(KEYS_PATH, (_req, res) =>
        res.writeHead(status, { location: `http://127.0.0.1:${elsewhere}/` }).end(),
      )
      await expect(verifier(withoutRevocations).verify(token)).rejects.toThrow(UNAVAILABLE)
    }
    expect(followed).toBe(0)
  })

  it('is not asked again by each request, and recovers within a second', async () => {
    const { verifier, login, clock, keyRequests, instead } = await open()
    instead(KEYS_PATH, failing(503))
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    for (let count = 0; count < 20; count++) await expect(verify(token)).rejects.toThrow(UNAVAILABLE)
    expect(keyRequests()).toBe(1)
    instead(KEYS_PATH, null)
    clock.advance(1)
    expect((await verify(token)).userId).toBe('anna')
  })

  it('at all is unavailable', async () => {
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
  it('that is set back has the keys asked for again, and makes nothing last longer', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    await verify((await login()).token)
    clock.advance(-2 * HOUR)
    await verify((await login()).token)
    expect(keyRequests()).toBe(2)
  })

  it('that is set back a moment after the keys came changes nothing', async () => {
    const { verifier, login, clock, keyRequests } = await open()
    const { verify } = verifier(withoutRevocations)
    const { token } = await login()
    await verify(token)
    clock.advance(-0.2)
    await verify(token)
    expect(keyRequests()).toBe(1)
  })

  it('has no say in keys that were passed in', async () => {
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
