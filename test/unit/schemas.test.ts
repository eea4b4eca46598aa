import { describe, expect, it, vi } from 'vitest'
import type {
  ClaimsObject,
  Json,
  Session,
  Sessions,
  SessionsOptions,
  StandardSchemaV1,
  Store,
} from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { decodeJwt } from '../support/jwt.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { schema } from '../support/schema.ts'
import { listen, openSessions } from '../support/sessions.ts'

interface Claims {
  role: string
  tenant: string
}
interface Data {
  theme: string
  cart: number[]
}
type Options = Partial<SessionsOptions<Claims, Data>>

const outdated = (path: string): Error => coded('ERR_SESSION_OUTDATED', { path }) as Error
const superseded = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error

/** Requires `tenant`, which earlier releases did not write. */
function strict(value: unknown): Claims {
  const { role, tenant } = value as Partial<Claims>
  if (typeof tenant !== 'string') throw ['tenant']
  return { role: role!, tenant }
}
/** Fills it in. */
const filling = (value: unknown): Claims => strict({ tenant: 'main', ...(value as object) })

function layout(value: unknown): Data {
  const { theme, cart } = (value ?? {}) as Partial<Data>
  if (typeof theme !== 'string') throw ['theme']
  if (!Array.isArray(cart)) throw ['cart']
  return { theme, cart }
}

/** An earlier release, and the next one with schemas, on one database. */
async function deploy(
  options: Options,
  start: { claims?: ClaimsObject; data?: Json } = {},
): Promise<{
  old: Sessions
  next: Sessions<Claims, Data>
  store: Store
  clock: FakeClock
  id: string
  access: string
  refresh: string
}> {
  const store = memory()
  const clock = createFakeClock()
  const old = await openSessions({ store, now: clock.now })
  const login = await old.create({ userId: 'anna', claims: { role: 'user' }, ...start })
  const next = await openSessions<Claims, Data>({ store, now: clock.now, ...options })
  const { sessionId: id } = login.session
  return { old, next, store, clock, id, access: login.accessToken.value, refresh: login.refreshToken.value }
}

describe('a schema that accepts the claims of an earlier release', () => {
  it('fills in defaults at a refresh: in the session and in the access token', async () => {
    const { old, next, id, refresh } = await deploy({ claims: schema(filling) })
    const { session, accessToken } = await next.refresh(refresh)
    expect(session).toMatchObject({ claims: { role: 'user', tenant: 'main' }, stale: false })
    expect(decodeJwt(accessToken.value).payload['tenant']).toBe('main')
    expect(next.verify(accessToken.value)).toMatchObject({ claims: { tenant: 'main' }, stale: false })
    expect((await old.get(id))!.claims).toStrictEqual({ role: 'user' })
  })

  it('fills them in for access tokens of the earlier release, once for each token', async () => {
    const validate = vi.fn(filling)
    const { next, access } = await deploy({ claims: schema(validate) })
    for (let request = 0; request < 3; request++)
      expect(next.verify(access)).toMatchObject({ claims: { role: 'user', tenant: 'main' }, stale: false })
    expect(validate).toHaveBeenCalledTimes(1)
    expect((await next.check(access)).claims.tenant).toBe('main')
  })

  it('fills them in for `get` and `list`', async () => {
    const { next, id } = await deploy({ claims: schema(filling) })
    const expected = { claims: { role: 'user', tenant: 'main' }, stale: false }
    expect(await next.get(id)).toMatchObject(expected)
    expect(await next.list('anna')).toMatchObject([expected])
  })
})

describe("a schema that refuses them, with `onSchemaMismatch: 'reject'`", () => {
  it('makes access tokens of the earlier release refresh', async () => {
    const validate = vi.fn(strict)
    const { next, access } = await deploy({ claims: schema(validate) })
    for (let request = 0; request < 3; request++) expect(() => next.verify(access)).toThrow(superseded)
    expect(validate).toHaveBeenCalledTimes(1)
    await expect(next.check(access)).rejects.toThrow(superseded)
  })

  it('answers a refresh with "sign in again" and changes nothing, so a rollback brings the user back', async () => {
    const { old, next, store, clock, id, refresh } = await deploy({ claims: schema(strict) })
    const child = (await old.refresh(refresh)).refreshToken!
    clock.advance(900)
    const before = await store.read(id)
    const mismatches = listen(next, 'schemaMismatch')
    for (const token of [refresh, child.value])
      await expect(next.refresh(token)).rejects.toThrow(outdated('claims.tenant'))
    expect(await store.read(id)).toStrictEqual(before)
    expect(mismatches).toStrictEqual(Array(2).fill({ sessionId: id, userId: 'anna', path: 'claims.tenant' }))
    expect((await old.refresh(child.value)).session).toMatchObject({ active: true, generation: 1 })
  })

  it('still finds a theft first', async () => {
    const { old, next, clock, refresh } = await deploy({ claims: schema(strict) })
    let token = refresh
    for (let turn = 0; turn < 3; turn++) {
      token = (await old.refresh(token)).refreshToken?.value ?? token
      clock.advance(900)
    }
    await expect(next.refresh(refresh)).rejects.toThrow(coded('ERR_REFRESH_TOKEN_REUSED') as Error)
  })

  it('is the outcome for data, too', async () => {
    const { next, refresh } = await deploy({ data: schema(layout) }, { data: { theme: 'dark' } })
    await expect(next.refresh(refresh)).rejects.toThrow(outdated('data.cart'))
  })

  it('is the outcome when the schema refuses or changes its own output, so that no client refreshes for ever', async () => {
    const counting = (value: unknown): Claims => {
      const { tenant, ...rest } = value as Partial<Claims>
      return { role: rest.role!, tenant: `${tenant ?? ''}+` }
    }
    const once = (value: unknown): Claims => {
      if ('tenant' in (value as object)) throw ['tenant']
      return { role: 'user', tenant: 'main' }
    }
    const { next: changing, refresh } = await deploy({ claims: schema(counting) })
    await expect(changing.refresh(refresh)).rejects.toThrow(outdated('claims'))
    const { next: refusing, refresh: other } = await deploy({ claims: schema(once) })
    await expect(refusing.refresh(other)).rejects.toThrow(outdated('claims.tenant'))
  })

  it('is the outcome when the output has a reserved name or does not fit a cookie', async () => {
    for (const extra of [{ sub: 'somebody' }, { text: 'x'.repeat(4000) }]) {
      const extend = (value: unknown): Claims => ({ ...(value as Claims), ...extra })
      const { next, refresh } = await deploy({ claims: schema(extend) })
      await expect(next.refresh(refresh)).rejects.toThrow(outdated('claims'))
    }
  })

  it('is the outcome when the schema throws', async () => {
    const broken: StandardSchemaV1<unknown, Claims> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => ({ value: { role: 'user', tenant: (value as Claims).tenant.trim() } }),
      },
    }
    const { next, access, refresh } = await deploy({ claims: broken })
    expect(() => next.verify(access)).toThrow(superseded)
    await expect(next.refresh(refresh)).rejects.toThrow(outdated('claims'))
  })

  it('refuses to renew a session with its present claims, but not with new ones', async () => {
    const { next, id } = await deploy({ claims: schema(strict) })
    await expect(next.renew(id)).rejects.toThrow(outdated('claims.tenant'))
    const renewed = await next.renew(id, { claims: { role: 'user', tenant: 'b' } })
    expect(next.verify(renewed.accessToken.value).claims.tenant).toBe('b')
    expect((await next.refresh(renewed.refreshToken.value)).session.claims.tenant).toBe('b')
  })
})

it('a renewal marks old data as stale, because the user has just authenticated', async () => {
  const { next, id } = await deploy({ data: schema(layout) }, { data: { theme: 'dark' } })
  const { session } = await next.renew(id, { reauthenticated: true })
  expect(session).toMatchObject({ data: { theme: 'dark' }, stale: true })
})

describe("a schema that refuses them, with `onSchemaMismatch: 'stale'`", () => {
  const onSchemaMismatch = 'stale'

  it('hands them over as they are, and says so', async () => {
    const { next, access, refresh } = await deploy({ claims: schema(strict), onSchemaMismatch })
    const old = { claims: { role: 'user' }, stale: true }
    expect(next.verify(access)).toMatchObject(old)
    const { session, accessToken } = await next.refresh(refresh)
    expect(session).toMatchObject(old)
    expect(session.claims).not.toHaveProperty('tenant')
    expect(next.verify(accessToken.value)).toMatchObject(old)
    expect(await next.check(accessToken.value)).toMatchObject(old)
  })

  it('says so of data, too', async () => {
    const { next, refresh } = await deploy(
      { data: schema(layout), onSchemaMismatch },
      { data: { theme: 'dark' } },
    )
    expect((await next.refresh(refresh)).session).toMatchObject({ data: { theme: 'dark' }, stale: true })
  })
})

it('`get` and `list` mark a session that a schema refuses as stale, and throw for none', async () => {
  const { old, next, id } = await deploy({ claims: schema(strict), data: schema(layout) })
  const fits = { claims: { role: 'user', tenant: 'a' }, data: { theme: 'dark', cart: [] } }
  const { session } = await old.create({ userId: 'anna', ...fits })
  expect(await next.get(id)).toMatchObject({ claims: { role: 'user' }, data: null, stale: true })
  const list = await next.list('anna')
  const byId = (wanted: string): Session<Claims, Data> => list.find(({ sessionId }) => sessionId === wanted)!
  expect(byId(id).stale).toBe(true)
  expect(byId(session.sessionId)).toMatchObject({ ...fits, stale: false })
})

describe('an asynchronous schema', () => {
  it('is applied at a refresh and never again in `verify`, which waits for nothing', async () => {
    const validate = vi.fn(filling)
    const { next, access, refresh } = await deploy({ claims: schema(validate, 'async') })
    expect((await next.refresh(refresh)).session.claims.tenant).toBe('main')
    const calls = validate.mock.calls.length
    expect(next.verify(access)).toMatchObject({ claims: { role: 'user' }, stale: false })
    expect(validate).toHaveBeenCalledTimes(calls)
  })

  it.each([
    ['never answers', () => new Promise<never>(() => {})],
    ['fails', async () => Promise.reject(new Error('the database is away'))],
  ])('that %s makes a refresh "try again", and a list stale', async (_, validate) => {
    const warnings = collectWarnings()
    const claims = { '~standard': { version: 1 as const, vendor: 'test', validate } }
    const { next, store, id, refresh } = await deploy({ claims, rotation: { overlap: 0.02 } })
    const before = await store.read(id)
    await expect(next.refresh(refresh)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
    expect(await next.list('anna')).toMatchObject([{ stale: true }])
    expect(await store.read(id)).toStrictEqual(before)
    expect(warnings).toHaveLength(2)
  })
})

describe('a schema that refuses its own output', () => {
  const toLength = (value: unknown): { size: number } => {
    const { size } = (value ?? {}) as { size?: unknown }
    if (typeof size !== 'string') throw ['size']
    return { size: size.length }
  }

  it('is refused by every write, before anything is written', async () => {
    const both = await openSessions({ claims: schema(toLength) })
    const wrong = { size: 'text' } as never
    const message = /schema `claims` refuses its own output at `claims\.size`/
    await expect(both.create({ userId: 'u', claims: wrong })).rejects.toThrow(message)
    expect(await both.list('u')).toStrictEqual([])
    const { old, next, id } = await deploy({
      claims: schema(toLength) as never,
      data: schema(toLength) as never,
    })
    await expect(next.setClaims(id, wrong)).rejects.toThrow(message)
    await expect(next.setClaims({ userId: 'anna' }, wrong)).rejects.toThrow(message)
    await expect(next.renew(id, { claims: wrong })).rejects.toThrow(message)
    await expect(next.setData(id, wrong)).rejects.toThrow(/schema `data` refuses its own output/)
    await expect(next.patchData(id, wrong)).rejects.toThrow(/schema `data` refuses its own output/)
    expect(await old.get(id)).toMatchObject({
      claims: { role: 'user' },
      data: null,
      version: 0,
      dataVersion: 0,
    })
  })
})

describe('a patch', () => {
  it('names the stored field that is in the way, and what to do', async () => {
    const { next, id } = await deploy({ data: schema(layout) }, { data: { theme: 'dark' } })
    await expect(next.patchData(id, { theme: 'light' })).rejects.toThrow(
      /stored `data\.cart` does not match .*Put `cart` into the patch too, or .*`setData`/,
    )
    await expect(next.patchData(id, { theme: 1 as never })).rejects.toThrow(/^`data\.theme` does not match/)
    expect(await next.patchData(id, { theme: 'light', cart: [] })).toBe(1)
  })

  it('says that stored fields may be in the way if the schema names none', async () => {
    const nameless = (value: unknown): Data => {
      if (!Array.isArray((value as Data).cart)) throw []
      return value as Data
    }
    const { next, id } = await deploy({ data: schema(nameless) }, { data: { theme: 'dark' } })
    await expect(next.patchData(id, { theme: 'light' })).rejects.toThrow(/stored fields may be in the way/)
  })
})
