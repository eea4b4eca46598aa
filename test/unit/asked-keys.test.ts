import { createSecretKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ENGINE } from '../../src/core/engine.ts'
import type { ProvidedKey, ProvidedKeySource, Sessions } from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { decodeJwt, signHs256 } from '../support/jwt.ts'
import { listen, openWithClock } from '../support/sessions.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID') as Error
const WRONG = coded('ERR_INVALID_OPTIONS') as Error

const hs256 = (kid: string, fill = kid): ProvidedKey => ({
  kid,
  algorithm: 'HS256',
  key: createSecretKey(Buffer.alloc(32, fill)),
})
const eddsa = (kid: string): ProvidedKey => ({
  kid,
  algorithm: 'EdDSA',
  key: generateKeyPairSync('ed25519').privateKey,
})
/** Like a KMS: only the signature. */
function kms(kid: string): ProvidedKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { kid, algorithm: 'EdDSA', publicKey, sign: async (input) => sign(null, input, privateKey) }
}

/** An application whose keys a test changes. */
async function open(...keys: ProvidedKey[]): Promise<{
  sessions: Sessions
  clock: FakeClock
  source: ReturnType<typeof vi.fn<ProvidedKeySource>>
}> {
  const source = vi.fn<ProvidedKeySource>(async () => keys)
  return { ...(await openWithClock({ keys: { provided: source } })), source }
}

const login = async (sessions: Sessions): Promise<string> =>
  (await sessions.create({ userId: 'u' })).accessToken.value
const kidOf = (token: string): unknown => decodeJwt(token).header['kid']

describe('a function that returns the keys', () => {
  it.each([
    { kind: 'HS256', make: hs256 },
    { kind: 'EdDSA', make: eddsa },
    { kind: 'EdDSA with an external `sign`', make: kms },
  ])('is asked by `keys.rotate()`: the first key signs, all verify ($kind)', async ({ make }) => {
    const [one, two] = [make('one'), make('two')]
    const { sessions, source } = await open(one)
    const rotated = listen(sessions, 'keysRotated')
    const before = await login(sessions)
    source.mockImplementation(() => [two, one])
    expect(await sessions.keys.rotate()).toMatchObject({ kid: 'two', epoch: 2, verifiesUntil: null })
    const after = await login(sessions)
    expect([kidOf(before), kidOf(after)]).toStrictEqual(['one', 'two'])
    for (const token of [before, after]) expect(sessions.verify(token).userId).toBe('u')
    expect(rotated).toStrictEqual([{ epoch: 2, kid: 'two', signsFrom: expect.any(Date) }])
    const published = one.algorithm === 'HS256' ? [] : ['two', 'one']
    expect(sessions.keys.jwks().keys.map((key) => key['kid'])).toStrictEqual(published)
  })

  it('is asked every minute', async () => {
    vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) })
    onTestFinished(() => void vi.useRealTimers())
    const { sessions, source } = await open(hs256('one'))
    source.mockImplementation(() => [hs256('two')])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(source).toHaveBeenCalledTimes(2)
    expect(kidOf(await login(sessions))).toBe('two')
  })

  it('is asked for an unknown `kid`, at most every ten seconds; the token is refused meanwhile', async () => {
    const [one, two] = [hs256('one'), hs256('two')]
    const { sessions, clock, source } = await open(one)
    const other = await openWithClock({ keys: { provided: [two] }, now: clock.now })
    const token = await login(other.sessions)
    source.mockImplementation(async () => [one, two])
    for (let time = 0; time < 5; time++) expect(() => sessions.verify(token)).toThrow(INVALID)
    await vi.waitFor(() => expect(sessions.verify(token).userId).toBe('u'))
    expect(source).toHaveBeenCalledTimes(2)
    const forged = signHs256(Buffer.alloc(32), { alg: 'HS256', kid: 'none', typ: 'at+jwt' }, {})
    for (let time = 0; time < 5; time++) expect(() => sessions.verify(forged)).toThrow(INVALID)
    expect(source).toHaveBeenCalledTimes(2)
    clock.advance(10)
    for (let time = 0; time < 5; time++) expect(() => sessions.verify(forged)).toThrow(INVALID)
    expect(source).toHaveBeenCalledTimes(3)
  })

  it('refuses the tokens of a dropped key, also cached ones; they still name their session', async () => {
    const [one, two] = [eddsa('one'), eddsa('two')]
    const { sessions, source, clock } = await open(one)
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    source.mockImplementation(() => [two])
    await sessions.keys.rotate()
    expect(() => sessions.verify(accessToken.value)).toThrow(INVALID)
    expect(sessions[ENGINE].identify(accessToken.value)?.sessionId).toBe(session.sessionId)
    expect(sessions.keys.jwks().keys).toMatchObject([{ kid: 'two' }])
    expect(sessions.keys.list()).toMatchObject([
      { kid: 'one', verifiesUntil: new Date(clock.now()), usable: false },
      { kid: 'two', verifiesUntil: null, usable: true },
    ])
    clock.advance(401 * 86_400)
    await sessions.keys.rotate()
    expect(sessions.keys.list()).toMatchObject([{ kid: 'two' }])
  })

  it.each([
    { fault: 'hangs', broken: () => new Promise<never>(() => {}) },
    { fault: 'rejects', broken: () => Promise.reject(new Error('the KMS is away')) },
    {
      fault: 'throws',
      broken: () => {
        throw new Error('the KMS is away')
      },
    },
    { fault: 'returns no array', broken: () => undefined as never },
    { fault: 'returns no key', broken: () => [] },
    { fault: 'returns a wrong key', broken: () => [{ ...hs256('two'), algorithm: 'RS256' } as never] },
    { fault: 'returns another key under a known `kid`', broken: () => [hs256('one', 'x')] },
  ])(
    'that $fault keeps the last keys and is reported; at the start it is an error',
    async ({ broken, fault }) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const { sessions, source } = await open(hs256('one'))
      const trouble = listen(sessions, 'keyTrouble')
      const token = await login(sessions)
      source.mockImplementation(broken)
      const rotating = expect(sessions.keys.rotate()).rejects.toThrow(WRONG)
      await vi.advanceTimersByTimeAsync(60_000)
      await rotating
      await vi.advanceTimersByTimeAsync(10_000)
      expect(trouble).toMatchObject([{ epoch: null, error: { code: 'ERR_INVALID_OPTIONS' } }])
      expect(sessions.verify(token).userId).toBe('u')
      expect(kidOf(await login(sessions))).toBe('one')
      if (fault === 'returns another key under a known `kid`') return
      const starting = expect(openWithClock({ keys: { provided: broken } })).rejects.toThrow(WRONG)
      await vi.advanceTimersByTimeAsync(10_000)
      await starting
    },
  )

  it('does not go back to the keys of a call that started earlier', async () => {
    const { sessions, source } = await open(hs256('one'))
    let answer: (keys: ProvidedKey[]) => void = () => {}
    source.mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    const slow = sessions.keys.rotate()
    source.mockImplementation(() => [hs256('two')])
    await sessions.keys.rotate()
    answer([hs256('one')])
    expect(await slow).toMatchObject({ kid: 'two' })
    expect(kidOf(await login(sessions))).toBe('two')
  })
})
