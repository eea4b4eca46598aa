import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { openSessions } from '../support/sessions.ts'

class Money {
  readonly amount = 1
}

const cyclic: { self?: unknown } = {}
cyclic.self = { deeper: cyclic }

const throwing = {
  get secret(): never {
    throw new Error('no')
  },
}

/** `depth` arrays in one another. */
function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

const LOST: readonly (readonly [what: string, value: unknown, path: string])[] = [
  ['a Map', { m: new Map([[1, 2]]) }, '`data.m` '],
  ['a Set', { list: [new Set([1])] }, '`data.list[0]` '],
  ['a Date', { user: { born: new Date(0) } }, '`data.user.born` '],
  ['an invalid Date', [new Date(Number.NaN)], '`data[0]` '],
  ['a Date of another realm', { at: runInNewContext('new Date(0)') }, '`data.at` '],
  ['an instance of a class', { price: new Money() }, '`data.price` '],
  ['an instance with `toJSON`', { url: new URL('https://example.com') }, '`data.url` '],
  ['an object with a `toJSON` of its own', { x: { toJSON: () => 1 } }, '`data.x.toJSON` '],
  ['an object with inherited members', { x: Object.create({ a: 1 }) }, '`data.x` '],
  [
    'an object that inherits from one without a prototype',
    [Object.create(Object.create(null))],
    '`data[0]` ',
  ],
  ['a function', { f: () => {} }, '`data.f` '],
  ['a class', { f: Money }, '`data.f` '],
  ['a symbol', { s: Symbol('s') }, '`data.s` '],
  ['a key that is a symbol', { a: { [Symbol('key')]: 1 } }, '`data.a` '],
  ['a hidden key', { a: Object.defineProperty({}, 'hidden', { value: 1 }) }, '`data.a.hidden` '],
  ['a key `__proto__`', JSON.parse('{"a":{"__proto__":{"admin":true}}}'), '`data.a.__proto__` '],
  ['undefined in an array', { list: [1, undefined] }, '`data.list[1]` '],
  // biome-ignore lint/suspicious/noSparseArray: the value under test
  ['a hole in an array', { list: [1, , 2] }, '`data.list[1]` '],
  ['a huge array of holes', { list: new Array(4e9) }, '`data'],
  ['an array with a name', { found: /b/.exec('abc') }, '`data.found.index` '],
  ['an array of a class', { list: new (class extends Array {})() }, '`data.list` '],
  ['NaN', { cart: [{}, {}, { price: Number.NaN }] }, '`data.cart[2].price` '],
  ['an infinite number', { max: -Infinity }, '`data.max` '],
  ['a bigint', { id: 1n }, '`data.id` '],
  ['bytes', { bytes: Buffer.from('abc') }, '`data.bytes` '],
  ['a typed array', { bytes: new Uint8Array(1) }, '`data.bytes` '],
  ['an ArrayBuffer', { bytes: new ArrayBuffer(1) }, '`data.bytes` '],
  ['a regular expression', { r: /x/ }, '`data.r` '],
  ['an Error', { error: new TypeError('x') }, '`data.error` '],
  ['a boxed string', { s: new String('x') }, '`data.s` '],
  ['a boxed number', { n: Object(1) }, '`data.n` '],
  ['a promise', { user: Promise.resolve({}) }, '`data.user` '],
  ['a getter that throws', throwing, '`data.secret` '],
  ['a proxy that throws', { p: new Proxy({}, { ownKeys: () => throwing.secret }) }, '`data.p` '],
  ['a revoked proxy', { p: revoked() }, '`data.p` '],
  ['a cycle', { a: cyclic }, '`data.a.self.deeper` '],
  ['deep nesting', nested(100_000), '`data[0][0]'],
  ['NUL', { 'a b': 'x\0' }, '`data["a b"]` '],
  ['half a surrogate pair', ['\ud800'], '`data[0]` '],
  ['a key with NUL', { a: { 'x\0': 1 } }, '`data.a["x\\u0000"]` '],
]

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('a value that JSON would change', () => {
  it.each(LOST)('is refused with its path: %s', async (_, data, path) => {
    const sessions = await openSessions()
    const refused = { name: 'TypeError', message: expect.stringContaining(path) }
    await expect(sessions.create({ userId: 'u', data: data as never })).rejects.toMatchObject(refused)
    const { session } = await sessions.create({ userId: 'u' })
    await expect(sessions.setData(session.sessionId, data as never)).rejects.toMatchObject(refused)
    expect(await sessions.get(session.sessionId)).toMatchObject({ data: null, dataVersion: 0 })
  })

  it('is refused in claims, in every call', async () => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u' })
    const claims = { roles: new Set(['admin']) } as never
    const refused = { name: 'TypeError', message: expect.stringContaining('`claims.roles` is a Set') }
    await expect(sessions.create({ userId: 'u', claims })).rejects.toMatchObject(refused)
    await expect(sessions.setClaims(session.sessionId, claims)).rejects.toMatchObject(refused)
    await expect(sessions.setClaims({ userId: 'u' }, claims)).rejects.toMatchObject(refused)
    await expect(sessions.renew(session.sessionId, { claims })).rejects.toMatchObject(refused)
  })

  it('is refused where a schema returns it', async () => {
    const validate = (): { value: { at: Date } } => ({ value: { at: new Date(0) } })
    const sessions = await openSessions({ data: { '~standard': { version: 1, vendor: 'test', validate } } })
    const message = expect.stringContaining('`data.at` is a Date. Use `.toISOString()`')
    await expect(sessions.create({ userId: 'u', data: {} as never })).rejects.toMatchObject({ message })
  })

  it('names no secret: the message holds the path and the kind of value alone', async () => {
    const sessions = await openSessions()
    const data = { card: new String('4111 1111') } as never
    const error = await sessions.create({ userId: 'u', data }).catch((thrown: Error) => thrown)
    expect(String(error)).not.toContain('4111')
  })

  it('is found without reading more than 1 MiB of JSON can hold', async () => {
    const sessions = await openSessions()
    let reads = 0
    const leaf = {
      get x(): number {
        return ++reads
      },
    } // prettier-ignore
    let doubled: unknown = leaf
    for (let level = 0; level < 60; level++) doubled = [doubled, doubled]
    const message = expect.stringContaining('at most 1 MiB')
    await expect(sessions.create({ userId: 'u', data: doubled as never })).rejects.toMatchObject({ message })
    expect(reads).toBeLessThan(1024 * 1024)
  })
})

describe('a value that JSON keeps', () => {
  it.each<readonly [string, unknown, unknown]>([
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['an object of another realm', runInNewContext('({ a: [1, { b: null }] })'), { a: [1, { b: null }] }],
    ['a member that is undefined, as if it were absent', { a: undefined, b: { c: undefined } }, { b: {} }],
    ['-0, as 0', [-0], [0]],
    ['one object at two places', ((x) => ({ a: x, b: [x] }))({ c: 1 }), { a: { c: 1 }, b: [{ c: 1 }] }],
    [
      'a getter',
      {
        get a() {
          return 1
        },
      },
      { a: 1 },
    ],
    ['a proxy of an object', new Proxy({ a: [1] }, {}), { a: [1] }],
    ['nesting 500 deep', nested(500), nested(500)],
    ['a whole emoji', { '😀': '😀' }, { '😀': '😀' }],
    ['a number that is large', [1e308, 5e-324, 2 ** 53], [1e308, 5e-324, 2 ** 53]],
  ])('is stored: %s', async (_, data, stored) => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u', data: data as never })
    expect(session.data).toStrictEqual(stored)
    expect((await sessions.get(session.sessionId))!.data).toStrictEqual(stored)
  })

  it('is read once, so that what was checked is what is stored', async () => {
    const sessions = await openSessions()
    const answers = [1, new Map()]
    const data = {
      get a() {
        return answers.shift()
      },
    }
    const { session } = await sessions.create({ userId: 'u', data: data as never })
    expect((await sessions.get(session.sessionId))!.data).toStrictEqual({ a: 1 })
  })
})
