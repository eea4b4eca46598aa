import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Tokens } from '../../src/client/index.ts'
import {
  keychainTokens,
  type NativeTokens,
  type SecureStoreModule,
  secureStoreTokens,
} from '../../src/client/native/index.ts'
import {
  createDevice,
  type Device,
  type Fault,
  fakeKeychain,
  fakeSecureStore,
} from './support/fake-keychains.ts'

/** Reads the storage in a process that nothing happens to. @returns the number of the tokens, or null */
async function stored(device: Device, open: (device: Device) => NativeTokens): Promise<number | null> {
  const { fault } = device
  device.fault = undefined
  const tokens = await open(device).load()
  device.fault = fault
  if (tokens === null) return null
  const number = Number(tokens.refreshToken.slice('refresh-'.length))
  expect(tokens).toStrictEqual(tokensOf(number, tokens.accessToken.length))
  return number
}

/** Tokens of a login or refresh, told apart by a number. */
const tokensOf = (count: number, length = 500): Tokens => ({
  accessToken: `access-${count}.`.padEnd(length, 'x'),
  refreshToken: `refresh-${count}`,
})

const STORAGES: readonly (readonly [string, (device: Device, name?: string) => NativeTokens])[] = [
  ['secureStoreTokens', (device, name) => secureStoreTokens(fakeSecureStore(device), name)],
  ['keychainTokens', (device, name) => keychainTokens(fakeKeychain(device), name)],
]
const FAULTS: readonly Fault[] = ['fails', 'fails late', 'dies', 'dies halfway', 'dies late']

/** Whether a call rejected. False also if its process died: all that is left of the others are microtasks. */
async function fails(call: unknown): Promise<boolean> {
  const died = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))
  return Promise.race([
    Promise.resolve(call).then(
      () => false,
      () => true,
    ),
    died,
  ])
}

describe.each(STORAGES)('%s', (storage, open) => {
  it.each([1, 500, 1900, 2000, 2100, 4096, 16_000])(
    'keeps an access token of %i characters',
    async (length) => {
      const device = createDevice()
      const tokens = tokensOf(1, length)
      await open(device).save(tokens)
      expect(await open(device).load()).toStrictEqual(tokens)
      await open(device).clear()
      expect([...device.entries.keys()]).toStrictEqual([])
      expect(await open(device).load()).toBeNull()
    },
  )

  it('keeps any text, also one that takes several bytes a character', async () => {
    const codes = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 500 })
    const text = codes.map((units) => String.fromCharCode(...units))
    await fc.assert(
      fc.asyncProperty(text, text, async (accessToken, refreshToken) => {
        const device = createDevice()
        const tokens = { accessToken, refreshToken }
        await open(device).save(tokens)
        expect(await open(device).load()).toStrictEqual(tokens)
      }),
      { numRuns: 30 },
    )
  })

  it('refuses tokens that are too long, and keeps the previous ones', async () => {
    const device = createDevice()
    const tokens = open(device)
    await tokens.save(tokensOf(1))
    await expect(tokens.save(tokensOf(2, 32_001))).rejects.toThrow(RangeError)
    expect(await tokens.load()).toStrictEqual(tokensOf(1))
  })

  it.each(FAULTS)('loses nothing if the keychain or the process %s at any call', async (kind) => {
    const lengths = [300, 5000, 3000, 300]
    for (let at = 0; ; at++) {
      const device = createDevice()
      device.fault = { at, kind }
      let last: number | null = null
      for (const [count, length] of lengths.entries()) {
        const before = device.log.length
        const failed = await fails(open(device).save(tokensOf(count, length)))
        const hit = before <= at && at < device.log.length
        const found = await stored(device, open)
        expect(hit ? [last, count] : [count]).toContain(found)
        if (failed) expect(hit).toBe(true)
        // A call that changed nothing fails only a save that did not take effect.
        if (failed && kind === 'fails') expect(found).toBe(last)
        last = found
      }
      const calls = device.log.length
      device.fault = undefined
      await open(device).clear()
      expect([...device.entries.keys()]).toStrictEqual([])
      if (at >= calls) break
    }
  })

  it.each(FAULTS)(
    'brings nobody back if the keychain or the process %s at any call of `clear`',
    async (kind) => {
      // A crash after the commit has left the tokens of a previous user.
      for (let at = 0, calls = 1; at < calls; at++) {
        const device = createDevice()
        await open(device).save(tokensOf(1, 5000))
        const previous = new Map(device.entries)
        await open(device).save(tokensOf(2, 5000))
        for (const [key, value] of previous)
          if (key.startsWith('pawl.session.a')) device.entries.set(key, value)
        expect(await open(device).load()).toStrictEqual(tokensOf(2, 5000))
        const start = device.log.length
        device.fault = { at: start + at, kind }
        await fails(open(device).clear())
        calls = device.log.length - start
        expect([null, 2]).toContain(await stored(device, open))
        await open(device).clear()
        expect([...device.entries.keys()]).toStrictEqual([])
      }
    },
  )

  it('reads the newest tokens after any history of crashes', async () => {
    const step = fc.record({
      length: fc.integer({ min: 1, max: 9000 }),
      fault: fc.option(fc.record({ after: fc.nat(20), kind: fc.constantFrom(...FAULTS) })),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const device = createDevice()
        let last: number | null = null
        for (const [count, { length, fault }] of steps.entries()) {
          device.fault = fault ? { at: device.log.length + fault.after, kind: fault.kind } : undefined
          await fails(open(device).save(tokensOf(count, length)))
          device.fault = undefined
          const found = await stored(device, open)
          expect(fault ? [last, count] : [count]).toContain(found)
          last = found
        }
        await open(device).save(tokensOf(99))
        await open(device).clear()
        expect([...device.entries.keys()]).toStrictEqual([])
      }),
      { numRuns: 40 },
    )
  })

  it('serializes calls, also those of two storages with one name', async () => {
    const device = createDevice()
    const module = storage === 'keychainTokens' ? fakeKeychain(device) : fakeSecureStore(device)
    const again = (): NativeTokens =>
      'ACCESSIBLE' in module ? keychainTokens(module) : secureStoreTokens(module)
    const [one, two] = [again(), again()]
    const calls = [...Array(6).keys()].map((count) => (count % 2 ? one : two).save(tokensOf(count, 5000)))
    const loaded = one.load()
    await Promise.all(calls)
    expect(await loaded).toStrictEqual(tokensOf(5, 5000))
    await Promise.all([two.save(tokensOf(6, 9000)), one.clear()])
    expect([...device.entries.keys()]).toStrictEqual([])
  })

  it('finds the tokens that another process replaces between two reads', async () => {
    const device = createDevice()
    await open(device).save(tokensOf(1))
    await open(device).save(tokensOf(2))
    const reading = open(device).load()
    // The first read has found nothing in the first slot. The other process writes there, and empties the second.
    while (device.log.at(-1) !== 'get pawl.session.a') await Promise.resolve()
    device.entries.set('pawl.session.a', device.entries.get('pawl.session.b')!)
    device.entries.delete('pawl.session.b')
    expect(await reading).toStrictEqual(tokensOf(2))
  })

  it('keeps two sessions apart', async () => {
    const device = createDevice()
    const [one, two] = [open(device), open(device, 'pawl.work')]
    await one.save(tokensOf(1, 5000))
    await two.save(tokensOf(2, 5000))
    await one.clear()
    expect([await one.load(), await two.load()]).toStrictEqual([null, tokensOf(2, 5000)])
  })

  it('makes every entry readable from the first unlock on, on this device only', async () => {
    const device = createDevice()
    await open(device).save(tokensOf(1, 5000))
    await open(device).save(tokensOf(2, 5000))
    const [wanted] = storage === 'keychainTokens' ? ['AccessibleAfterFirstUnlockThisDeviceOnly'] : [1]
    expect(new Set(device.accessible.values())).toStrictEqual(new Set([wanted]))
  })

  it('throws while the keychain is locked, and changes nothing', async () => {
    const device = createDevice()
    await open(device).save(tokensOf(1, 5000))
    const before = new Map(device.entries)
    device.locked = true
    await expect(open(device).load()).rejects.toThrow('User interaction is not allowed.')
    if (storage === 'secureStoreTokens') {
      await expect(open(device).save(tokensOf(2))).rejects.toThrow('User interaction is not allowed.')
      expect(device.entries).toStrictEqual(before)
    }
    device.locked = false
    expect(await open(device).load()).toStrictEqual(tokensOf(1, 5000))
  })

  it('replaces what can never be read again', async () => {
    const device = createDevice()
    const broken = open(device)
    await broken.save(tokensOf(1))
    device.fault = { at: device.log.length, kind: 'fails' }
    await broken.save(tokensOf(2))
    expect(await open(device).load()).toStrictEqual(tokensOf(2))
  })

  it.each(['', 'damaged', '1.a.0.', '1.a.0.{"accessToken":1}', '1.a.3.x', '9.a.99.x', '1.a.0.[]', '-'])(
    'takes the entry %j for no tokens',
    async (value) => {
      const device = createDevice()
      await open(device).save(tokensOf(1))
      for (const key of device.entries.keys()) device.entries.set(key, value)
      expect(await open(device).load()).toBeNull()
      await open(device).save(tokensOf(2))
      expect(await open(device).load()).toStrictEqual(tokensOf(2))
    },
  )

  it.each(['', 'a b', 'ä', 'a/b', 'x'.repeat(101)])('refuses the name %j', (name) => {
    expect(() => open(createDevice(), name)).toThrow(TypeError)
  })
})

it('never joins parts of different versions', async () => {
  const device = createDevice()
  const open = (): NativeTokens => secureStoreTokens(fakeSecureStore(device))
  await open().save(tokensOf(1, 5000))
  const part = device.entries.get('pawl.session.a.1')!
  device.entries.set('pawl.session.a.1', part.replace(/^\w+/, 'another'))
  expect(await open().load()).toBeNull()
  device.entries.set('pawl.session.a.1', part)
  expect(await open().load()).toStrictEqual(tokensOf(1, 5000))
})

it('the name of a storage in the keychain is `pawl.session`', async () => {
  const device = createDevice()
  await secureStoreTokens(fakeSecureStore(device)).save(tokensOf(1))
  expect([...device.entries.keys()]).toStrictEqual(['pawl.session.a'])
})

it('a keychain that refuses an entry fails the call', async () => {
  const keychain = { ...fakeKeychain(createDevice()), setGenericPassword: async () => false }
  await expect(keychainTokens(keychain).save(tokensOf(1))).rejects.toThrow('The keychain refused the entry')
})

describe('a call of the module that never settles', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('fails after 10 s, and holds nothing up after that', async () => {
    const device = createDevice()
    const module: SecureStoreModule = fakeSecureStore(device)
    let answer: (value: null) => void = () => {}
    const hanging = new Promise<null>((resolve) => {
      answer = resolve
    })
    const hangs = vi.spyOn(module, 'getItemAsync').mockReturnValueOnce(hanging)
    const tokens = secureStoreTokens(module)
    const first = Promise.resolve(tokens.save(tokensOf(1))).catch((error: Error) => error.name)
    const second = tokens.save(tokensOf(2))
    await vi.waitFor(() => expect(hangs).toHaveBeenCalled())
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await first).toBe('AbortError')
    await second
    // The late answer must not continue the first call: it would write over newer tokens.
    answer(null)
    await vi.advanceTimersByTimeAsync(0)
    expect(await tokens.load()).toStrictEqual(tokensOf(2))
  })
})
