import { describe, expect, it, vi } from 'vitest'
import * as keyWrap from '../../src/core/keys/key-wrap.ts'
import type { KeyRow, Store } from '../../src/core/store.ts'
import { StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { DAY, MINUTE, type OpenRing, openRing } from '../support/key-ring.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'
import { counting } from '../support/stores.ts'

const UNKNOWN = coded('ERR_SECRET_UNKNOWN') as Error

vi.mock('../../src/core/keys/key-wrap.ts', { spy: true })

describe('the key ring', () => {
  it('creates the first key, which signs at once', async () => {
    const { ring, clock, rotated } = await openRing()
    const [key, ...others] = ring.list()
    expect(others).toStrictEqual([])
    expect(key).toStrictEqual({
      epoch: 1,
      kid: expect.stringMatching(/^[\w-]{8}$/),
      algorithm: 'HS256',
      createdAt: new Date(clock.now()),
      signsFrom: new Date(clock.now()),
      verifiesUntil: null,
      usable: true,
    })
    expect(rotated).toStrictEqual([{ epoch: 1, kid: key!.kid, signsFrom: key!.signsFrom }])
    const signer = await ring.signer()
    expect(signer.kid).toBe(key!.kid)
    expect(ring.find(signer.header)).toBe(signer)
  })

  it('publishes the next key ten minutes before it signs', async () => {
    const { ring, clock } = await openRing()
    const start = clock.now()
    const first = await ring.signer()
    clock.advance(DAY - 10 * MINUTE - 0.001)
    await ring.reload()
    expect(ring.list()).toHaveLength(1)
    clock.advance(0.001)
    await ring.reload()
    const next = ring.list()[1]!
    expect(next).toMatchObject({ epoch: 2, signsFrom: new Date(start + DAY * 1000) })
    expect(await ring.signer()).toBe(first)
    clock.advance(10 * MINUTE - 0.001)
    expect(await ring.signer()).toBe(first)
    clock.advance(0.001)
    expect((await ring.signer()).kid).toBe(next.kid)
  })

  it('publishes a late key ten minutes before it signs, too', async () => {
    const { ring, clock } = await openRing()
    clock.advance(3 * DAY)
    await ring.reload()
    expect(ring.list()[1]!.signsFrom).toStrictEqual(new Date(clock.now() + 10 * MINUTE * 1000))
  })

  it('verifies with an old key until the last token signed with it has expired, and no longer', async () => {
    const { ring, clock } = await openRing()
    const first = await ring.signer()
    clock.advance(DAY - 10 * MINUTE)
    await ring.reload()
    // The second key signs in ten minutes, a token lives for 15, and a minute allows for clock differences.
    clock.advance((10 + 15 + 1) * MINUTE - 0.001)
    expect(ring.find(first.header)).toBe(first)
    clock.advance(0.001)
    expect(ring.find(first.header)).toBeUndefined()
  })

  it('is the same for two processes: the second one reads the key of the first', async () => {
    const store = memory()
    const one = await openRing({ store })
    const two = await openRing({ store, clock: one.clock })
    one.clock.advance(DAY)
    await Promise.all([one.ring.reload(), two.ring.reload(), one.ring.rotate(), two.ring.rotate()])
    await Promise.all([one.ring.reload(), two.ring.reload()])
    expect(two.ring.list()).toStrictEqual(one.ring.list())
    const epochs = one.ring.list().map(({ epoch }) => epoch)
    expect(epochs).toStrictEqual(epochs.map((_, index) => index + 1))
  })

  it('rotates on request, also ten minutes ahead', async () => {
    const { ring, clock } = await openRing()
    const first = await ring.signer()
    const published = await ring.rotate()
    expect(published).toMatchObject({
      epoch: 2,
      signsFrom: new Date(clock.now() + 10 * MINUTE * 1000),
      usable: true,
    })
    expect(await ring.signer()).toBe(first)
    clock.advance(10 * MINUTE)
    expect((await ring.signer()).kid).toBe(published.kid)
  })

  it('signs only with keys read within five minutes', async () => {
    const { store, calls } = counting(memory())
    const { ring, clock } = await openRing({ store })
    calls.length = 0
    clock.advance(5 * MINUTE)
    await ring.signer()
    expect(calls).toStrictEqual([])
    clock.advance(0.001)
    await ring.signer()
    expect(calls).toStrictEqual(['keys'])
  })

  it('keeps the algorithm of a key; another algorithm takes effect with a new key at the next start', async () => {
    const store = memory()
    const { clock, ring: old } = await openRing({ store })
    const { ring } = await openRing({ store, clock, algorithm: 'EdDSA' })
    expect(ring.list().map(({ algorithm }) => algorithm)).toStrictEqual(['HS256', 'EdDSA'])
    expect((await ring.signer()).algorithm).toBe('HS256')
    clock.advance(10 * MINUTE)
    expect((await ring.signer()).algorithm).toBe('EdDSA')
    expect((await old.signer()).algorithm).toBe('EdDSA')
    const again = await openRing({ store, clock, algorithm: 'EdDSA' })
    expect(again.ring.list()).toHaveLength(2)
  })
})

describe('a retired key', () => {
  /** A store with 101 retired keys and one that signs. */
  async function openOld(): Promise<{ store: Store; clock: FakeClock; headers: string[] }> {
    const store = memory()
    const { ring, clock } = await openRing({ store })
    const headers: string[] = []
    for (let day = 0; day < 101; day++) {
      headers.push((await ring.signer()).header)
      clock.advance(DAY)
      await ring.reload()
      clock.advance(10 * MINUTE)
    }
    clock.advance(20 * MINUTE)
    return { store, clock, headers }
  }

  it('is identified and found no more', async () => {
    const { store, clock, headers } = await openOld()
    const { ring } = await openRing({ store, clock })
    for (const header of headers) {
      expect(ring.find(header)).toBeUndefined()
      expect(ring.verifiesUntil(header)).toBe(0)
      expect(ring.identify(header)!.header).toBe(header)
    }
    const signer = await ring.signer()
    expect([ring.find(signer.header), ring.identify(signer.header)]).toStrictEqual([signer, signer])
    expect(ring.identify('unknown')).toBeUndefined()
    expect(ring.list().filter(({ usable }) => usable)).toHaveLength(1)
    expect(ring.list()).toHaveLength(102)
  })

  it('is decrypted once, when it is needed', async () => {
    const { store, clock, headers } = await openOld()
    const decryptions = vi.mocked(keyWrap.unwrapKey).mockClear()
    const { ring } = await openRing({ store, clock })
    await ring.reload()
    expect(decryptions).toHaveBeenCalledTimes(1)
    for (const header of [headers[7], headers[7], headers[8], 'unknown']) ring.identify(header!)
    await ring.reload()
    ring.identify(headers[7]!)
    expect(decryptions).toHaveBeenCalledTimes(3)
  })
})

describe('a rotation that fails', () => {
  const failing = (store: Store): { store: Store; broken: boolean } => {
    const state = {
      broken: false,
      store: {
        ...store,
        insertKey: (key: Parameters<Store['insertKey']>[0]) =>
          state.broken ? Promise.reject(new Error('no')) : store.insertKey(key),
      },
    }
    return state
  }

  it('keeps the old key, is reported, and is tried again', async () => {
    const state = failing(memory())
    const { ring, clock, trouble } = await openRing({ store: state.store })
    const first = await ring.signer()
    state.broken = true
    clock.advance(3 * DAY)
    expect(await ring.signer()).toBe(first)
    expect(ring.find(first.header)).toBe(first)
    expect(trouble).toStrictEqual([{ epoch: 2, error: new Error('no') }])
    state.broken = false
    await ring.reload()
    expect(ring.list()).toHaveLength(2)
    expect(trouble).toHaveLength(1)
  })

  it('throws only if there is no key', async () => {
    const state = failing(memory())
    state.broken = true
    await expect(openRing({ store: state.store })).rejects.toThrow(new Error('no'))
  })
})

describe('an unknown kid', () => {
  it('causes at most one reload per ten seconds', async () => {
    const { store, calls } = counting(memory())
    const { ring, clock } = await openRing({ store })
    calls.length = 0
    const look = (): Promise<void> => {
      for (let times = 0; times < 100; times++) ring.reloadForUnknownKid()
      return new Promise((settled) => setImmediate(settled))
    }
    await look()
    expect(calls).toStrictEqual(['keys'])
    clock.advance(9.999)
    await look()
    expect(calls).toStrictEqual(['keys'])
    clock.advance(0.001)
    await look()
    expect(calls).toStrictEqual(['keys', 'keys'])
  })

  it('finds a key that another process has just published', async () => {
    const store = memory()
    const { ring, clock } = await openRing({ store })
    const other = await openRing({ store, clock })
    const { kid } = await other.ring.rotate()
    ring.reloadForUnknownKid()
    await vi.waitFor(() => expect(ring.list()[1]?.kid).toBe(kid))
  })

  it('never throws when the table cannot be read', async () => {
    const base = memory()
    let broken = false
    const away = new StoreUnavailableError('away')
    const store = { ...base, keys: () => (broken ? Promise.reject(away) : base.keys()) }
    const { ring, events } = await openRing({ store })
    const heard: unknown[] = []
    events.on('storeUnavailable', (event) => heard.push(event))
    broken = true
    ring.reloadForUnknownKid()
    await vi.waitFor(() => expect(heard).toStrictEqual([{ operation: 'keys', error: away }]))
  })
})

describe('changing the secret', () => {
  it('takes two deployments, and the keys of both secrets work at each step', async () => {
    const store = memory()
    const before = await openRing({ store })
    const { clock } = before
    const oldKey = await before.ring.signer()

    const first = await openRing({ store, clock, secret: [SECRET, NEW_SECRET] })
    const second = await openRing({ store, clock, secret: [NEW_SECRET, SECRET] })
    await second.ring.rotate()
    clock.advance(10 * MINUTE)
    const newKey = await second.ring.signer()
    expect(newKey.kid).not.toBe(oldKey.kid)
    expect((await first.ring.signer()).kid).toBe(newKey.kid)
    for (const { ring } of [first, second]) {
      expect(ring.find(oldKey.header)?.kid).toBe(oldKey.kid)
      expect(ring.find(newKey.header)?.kid).toBe(newKey.kid)
    }

    const after = await openRing({ store, clock, secret: NEW_SECRET })
    expect((await after.ring.signer()).kid).toBe(newKey.kid)
  })

  it('to one that decrypts no key is refused at the start', async () => {
    const store = memory()
    const { clock } = await openRing({ store })
    const refused = openRing({ store, clock, secret: FOREIGN_SECRET })
    await expect(refused).rejects.toThrow(UNKNOWN)
    await expect(refused).rejects.toThrow(/deploy `secret: \[old, new\]` first, then `\[new, old\]`\./)
  })

  it('to one that decrypts no key is refused at the start even when the next key is due, and publishes none', async () => {
    const store = memory()
    const { clock, ring } = await openRing({ store })
    clock.advance(3 * DAY)
    await expect(openRing({ store, clock, secret: FOREIGN_SECRET })).rejects.toThrow(UNKNOWN)
    await ring.reload()
    expect(ring.list().map(({ usable }) => usable)).toStrictEqual([true, true])
  })
})

describe('a key of a later release', () => {
  const UNUSABLE = {
    algorithm: (key: KeyRow): KeyRow => ({ ...key, algorithm: 'ES512' }),
    wrapping: (key: KeyRow): KeyRow => ({
      ...key,
      wrappedKey: Buffer.concat([Buffer.of(2), key.wrappedKey]),
    }),
  }

  describe.each(Object.entries(UNUSABLE))('with another %s', (_, change) => {
    /** The newer process publishes its key, which signs in ten minutes. */
    async function openBeside(): Promise<OpenRing & { store: Store }> {
      const store = memory()
      const opened = await openRing({ store })
      const signsFrom = opened.clock.now() + 10 * MINUTE * 1000
      const [key] = await store.keys()
      await store.insertKey(change({ ...key!, epoch: 2, kid: 'newer', signsFrom }))
      return { ...opened, store }
    }

    it('is reported once, and a running process publishes a key that both can use', async () => {
      const { ring, clock, trouble, rotated } = await openBeside()
      const first = await ring.signer()
      await ring.reload()
      await ring.reload()
      expect(trouble).toStrictEqual([
        { epoch: 2, error: expect.objectContaining({ message: expect.stringMatching(/later release/) }) },
      ])
      expect(rotated).toHaveLength(2)
      expect(ring.list().map(({ usable }) => usable)).toStrictEqual([true, false, true])
      expect(await ring.signer()).toBe(first)
      clock.advance(10 * MINUTE)
      expect((await ring.signer()).kid).toBe(ring.list()[2]!.kid)
      expect(ring.find(first.header)).toBe(first)
    })

    it('lets a process start, also if it is the only key, and sign at once', async () => {
      const { store, clock } = await openBeside()
      const { ring } = await openRing({ store, clock })
      expect(ring.list()).toHaveLength(3)
      await store.deleteKeys(null)
      const lone = memory()
      const [key] = await openBeside().then((other) => other.store.keys())
      await lone.insertKey(change(key!))
      const alone = await openRing({ store: lone })
      const signer = await alone.ring.signer()
      expect(alone.ring.find(signer.header)).toBe(signer)
      expect(alone.ring.list().map(({ usable }) => usable)).toStrictEqual([false, true])
    })

    it('does not hide that `secret` decrypts none of the other keys', async () => {
      const { store, clock } = await openBeside()
      await expect(openRing({ store, clock, secret: FOREIGN_SECRET })).rejects.toThrow(UNKNOWN)
    })
  })
})

describe('an altered key row', () => {
  async function touched(
    change: (keys: Awaited<ReturnType<Store['keys']>>) => Awaited<ReturnType<Store['keys']>>,
  ): Promise<Awaited<ReturnType<typeof openRing>>> {
    const base = memory()
    const { ring, clock } = await openRing({ store: base })
    await ring.rotate()
    const store = { ...base, keys: async () => change(await base.keys()) }
    return openRing({ store, clock })
  }

  it('is not used, and is reported', async () => {
    const { ring } = await touched(([first, second]) => [
      { ...first!, wrappedKey: Buffer.from(first!.wrappedKey).fill(7, 40) },
      second!,
    ])
    expect(ring.list().map(({ usable }) => usable)).toStrictEqual([false, true])
    expect((await ring.signer()).kid).toBe(ring.list()[1]!.kid)
  })

  it('is not used when moved to another row', async () => {
    const { ring, trouble } = await touched(([first, second]) => [
      first!,
      { ...second!, wrappedKey: first!.wrappedKey },
    ])
    expect(ring.list().map(({ usable }) => usable)).toStrictEqual([true, false])
    expect(trouble).toStrictEqual([
      { epoch: 2, error: expect.objectContaining({ code: 'ERR_SECRET_UNKNOWN' }) },
    ])
  })

  it.each(['kid', 'algorithm', 'epoch'] as const)('is not used with another %s', async (field) => {
    const altered = { kid: 'another', algorithm: 'EdDSA', epoch: 9 }
    const { ring } = await touched(([first, second]) => [first!, { ...second!, [field]: altered[field] }])
    expect(
      ring
        .list()
        .map(({ usable }) => usable)
        .slice(0, 2),
    ).toStrictEqual([true, false])
  })

  it('refuses to start if it is the only key', async () => {
    await expect(touched((keys) => keys.map((key) => ({ ...key, kid: 'another' })))).rejects.toThrow(UNKNOWN)
  })
})
