import { describe, expect, it, vi } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import { counter, schema } from '../support/schema.ts'
import { openSessions } from '../support/sessions.ts'
import { type Place, storeKinds } from '../support/stores.ts'

// A missing row is read again for a second.
vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const ended = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error

describe.each(await storeKinds())('data, on $name,', ({ newPlace }) => {
  async function open(
    place: Place = newPlace(),
  ): Promise<{ sessions: Sessions; id: string; data(): Promise<unknown> }> {
    const sessions = await openSessions({ store: place.open() })
    const { session } = await sessions.create({ userId: 'u', data: { a: 1, b: { c: 2 } } })
    const data = async (): Promise<unknown> => (await sessions.get(session.sessionId))!.data
    return { sessions, id: session.sessionId, data }
  }

  it('is replaced by `setData`, which returns the new version', async () => {
    const { sessions, id, data } = await open()
    expect(await sessions.setData(id, { x: [1, null] })).toBe(1)
    expect(await data()).toStrictEqual({ x: [1, null] })
    expect(await sessions.setData(id, null)).toBe(2)
    expect(await data()).toBeNull()
    expect((await sessions.get(id))!.dataVersion).toBe(2)
  })

  it('is merged by `patchData`, one level deep', async () => {
    const { sessions, id, data } = await open()
    expect(await sessions.patchData(id, { b: { d: 3 }, e: 'new' })).toBe(1)
    expect(await data()).toStrictEqual({ a: 1, b: { d: 3 }, e: 'new' })
  })

  it('loses the keys that a patch sets to null', async () => {
    const { sessions, id, data } = await open()
    expect(await sessions.patchData(id, { a: null, b: { c: null }, gone: null })).toBe(1)
    expect(await data()).toStrictEqual({ b: { c: null } })
  })

  it('keeps its version if a patch changes nothing', async () => {
    for (const options of [{}, { data: schema<unknown>((value) => value) }]) {
      const sessions = await openSessions({ store: newPlace().open(), ...options })
      const id = (await sessions.create({ userId: 'u', data: { a: 1 } })).session.sessionId
      expect(await sessions.patchData(id, {})).toBe(0)
      expect(await sessions.patchData(id, { a: 1, missing: null }, { ifVersion: 0 })).toBe(0)
      expect(await sessions.patchData(id, { a: 1 }, { ifVersion: 1 })).toBeNull()
      expect(await sessions.get(id)).toMatchObject({ data: { a: 1 }, dataVersion: 0 })
    }
  })

  it('takes no patch with a key that is undefined', async () => {
    const { sessions, id, data } = await open()
    const message =
      '`data.a` is undefined in the patch. Use null to remove the key (RFC 7396), or leave it out to keep it.'
    await expect(sessions.patchData(id, { a: undefined as never, b: 1 })).rejects.toThrow(
      new TypeError(message),
    )
    expect(await data()).toStrictEqual({ a: 1, b: { c: 2 } })
  })

  it('is written only over the version `ifVersion`', async () => {
    const { sessions, id, data } = await open()
    expect(await sessions.setData(id, 'mine', { ifVersion: 0 })).toBe(1)
    expect(await sessions.setData(id, 'stale', { ifVersion: 0 })).toBeNull()
    expect(await sessions.patchData(id, { stale: true }, { ifVersion: 0 })).toBeNull()
    expect(await data()).toBe('mine')
    expect(await sessions.patchData(id, { fresh: true }, { ifVersion: 1 })).toBe(2)
    expect(await data()).toStrictEqual({ fresh: true })
  })

  it('keeps all of many simultaneous patches', async () => {
    const { sessions, id, data } = await open()
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`)
    await Promise.all(keys.map((key) => sessions.patchData(id, { [key]: key })))
    expect(Object.keys((await data()) as object).sort()).toStrictEqual(['a', 'b', ...keys].sort())
  })

  it('never brings an ended session back', async () => {
    const { sessions, id, data } = await open()
    await sessions.revoke(id, 'logout')
    await expect(sessions.setData(id, 1)).rejects.toThrow(ended('logout'))
    await expect(sessions.setData(id, 1, { ifVersion: 0 })).rejects.toThrow(ended('logout'))
    await expect(sessions.patchData(id, { x: 1 })).rejects.toThrow(ended('logout'))
    expect(await data()).toStrictEqual({ a: 1, b: { c: 2 } })
    expect(await sessions.get(id)).toMatchObject({ active: false, endReason: 'logout', dataVersion: 0 })
  })

  it('of a session that does not exist is refused', async () => {
    const { sessions } = await open()
    for (const id of ['01890a5d-ac96-774b-bcce-b302099a8057', 'not an id', '']) {
      await expect(sessions.setData(id, 1)).rejects.toThrow(ended('unknown'))
      await expect(sessions.patchData(id, { x: 1 })).rejects.toThrow(ended('unknown'))
      expect(await sessions.get(id)).toBeNull()
    }
  })

  it('has at most 1 MiB', async () => {
    const { sessions, id, data } = await open()
    const most = 'x'.repeat(1024 * 1024 - 2)
    await sessions.setData(id, most)
    expect(await data()).toBe(most)
    await expect(sessions.setData(id, `${most}x`)).rejects.toBeInstanceOf(TypeError)
  })

  it('is merged and validated as a whole with a schema', async () => {
    const sessions = await openSessions({ store: newPlace().open(), data: schema(counter, 'async') })
    const { session } = await sessions.create({ userId: 'u', data: {} as never })
    const id = session.sessionId
    expect(await sessions.patchData(id, { count: 1 })).toBe(1)
    expect(await sessions.patchData(id, { note: 'hi' })).toBe(2)
    expect((await sessions.get(id))!.data).toStrictEqual({ count: 1, note: 'hi' })
    expect(await sessions.patchData(id, { count: 9 }, { ifVersion: 1 })).toBeNull()
    await expect(sessions.patchData(id, { count: 'x' as unknown as number })).rejects.toBeInstanceOf(
      TypeError,
    )
    await expect(sessions.setData(id, { count: 'x' as unknown as number })).rejects.toBeInstanceOf(TypeError)
    const patches = [sessions.patchData(id, { count: 2 }), sessions.patchData(id, { note: 'both' })]
    expect((await Promise.all(patches)).sort()).toStrictEqual([3, 4])
    expect((await sessions.get(id))!.data).toStrictEqual({ count: 2, note: 'both' })
  })
})

describe('data', () => {
  it.each([undefined, null, 7, 'text', [1]])('cannot be patched with %s', async (patch) => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u' })
    await expect(sessions.patchData(session.sessionId, patch as never)).rejects.toBeInstanceOf(TypeError)
  })

  it.each([Number.NaN, 1.5, '1', {}])('refuses %s as `ifVersion`', async (ifVersion) => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u' })
    const options = { ifVersion: ifVersion as number }
    await expect(sessions.setData(session.sessionId, 1, options)).rejects.toBeInstanceOf(TypeError)
  })

  it('stays out of the access token', async () => {
    const sessions = await openSessions()
    const { accessToken } = await sessions.create({ userId: 'u', data: { secret: 'in the row only' } })
    expect(Buffer.from(accessToken.value.split('.')[1]!, 'base64url').toString()).not.toContain('row only')
  })
})

it('with a schema, twenty simultaneous patches are all written', async () => {
  const record = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => ({ value: value as Record<string, number> }),
    },
  }
  const sessions = await openSessions<object, Record<string, number>>({ data: record })
  const { sessionId } = (await sessions.create({ userId: 'anna', data: {} })).session
  const keys = Array.from({ length: 20 }, (_, index) => `key${index}`)
  const versions = await Promise.all(keys.map((key) => sessions.patchData(sessionId, { [key]: 1 })))
  expect(versions).not.toContain(null)
  expect(Object.keys((await sessions.get(sessionId))!.data).toSorted()).toStrictEqual(keys.toSorted())
})
