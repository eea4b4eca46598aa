import { printable } from './printable.ts'

/** Bounds the row. Claims have a far lower bound: the size of a cookie. */
const MAX_LENGTH = 1024 * 1024
/** Arrays and objects in one another. */
const MAX_DEPTH = 1000
/** A path in a message, in characters. */
const MAX_PATH = 200

/** NUL, and half a surrogate pair: valid JSON that `jsonb` cannot store. */
const NOT_STORABLE = /[\0\p{Surrogate}]/u

/** How to write a value of another kind as JSON. */
const REMEDIES: Readonly<Record<string, string>> = {
  Date: 'Use `.toISOString()`.',
  Map: 'Use `Object.fromEntries(map)`.',
  Set: 'Use `[...set]`.',
  Promise: 'Use `await`.',
  Error: 'Use its `message`.',
  Buffer: "Use `.toString('base64url')`.",
}

type Path = readonly (string | number)[]

/**
 * Copies a value that JSON keeps as it is. A member that is `undefined` counts as absent, and -0 as 0.
 * @param name the name of the value in messages
 * @throws TypeError with the path of the first value that JSON would drop or change, or that PostgreSQL cannot store
 */
export function toJson(value: unknown, name: string): unknown {
  const path: (string | number)[] = []
  const ancestors = new Set<object>()
  let length = 0

  function fail(reason: string, cause?: unknown): never {
    throw new TypeError(`\`${written(name, path)}\` ${reason}`, cause === undefined ? undefined : { cause })
  }

  /** Counts at least what is there, so that the work is bounded. The caller's text is measured at the end. */
  function count(characters: number): void {
    length += characters
    if (length > MAX_LENGTH) throw new TypeError(`\`${name}\` takes at most 1 MiB of JSON`)
  }

  function checkText(text: string): void {
    count(text.length + 2)
    if (NOT_STORABLE.test(text))
      fail('contains U+0000 or half a surrogate pair, which PostgreSQL cannot store. Remove it.')
  }

  function copy(item: unknown): unknown {
    switch (typeof item) {
      case 'string':
        checkText(item)
        return item
      case 'number':
        count(1)
        if (!Number.isFinite(item)) fail(`is ${item}, which JSON turns into null. Use null or a text.`)
        return item + 0
      case 'boolean':
        count(4)
        return item
      case 'object':
        return item === null ? null : copyObject(item)
      case 'undefined':
        return fail('is undefined, which JSON turns into null. Use null.')
      case 'bigint':
        return fail('is a bigint, which JSON does not have. Use `String(value)`.')
      default:
        return fail(`is a ${typeof item}, which JSON does not have. Leave it out.`)
    }
  }

  function copyObject(item: object): unknown {
    if (ancestors.has(item)) fail('contains itself. JSON has no cycles.')
    if (ancestors.size === MAX_DEPTH) fail(`is nested more than ${MAX_DEPTH} deep`)
    count(2)
    const isArray = attempt(() => Array.isArray(item))
    if (!attempt(() => isPlain(item, isArray))) failKind(item)
    ancestors.add(item)
    const copied = isArray ? copyArray(item as readonly unknown[]) : copyMembers(item)
    ancestors.delete(item)
    return copied
  }

  function copyArray(items: readonly unknown[]): unknown[] {
    const { length: size } = items
    const copied: unknown[] = []
    for (let index = 0; index < size; index++) {
      path.push(index)
      count(1)
      if (!attempt(() => Object.hasOwn(items, index)))
        fail('is a hole, which JSON turns into null. Use null.')
      copied.push(copy(attempt(() => items[index])))
      path.pop()
    }
    // The elements come first, then `length`.
    for (const key of attempt(() => Reflect.ownKeys(items)).slice(size)) {
      if (key === 'length') continue
      if (typeof key === 'symbol') fail('has a symbol as a key, which JSON drops. Leave it out.')
      path.push(key)
      fail('is a named member of an array, which JSON drops. Use an object.')
    }
    return copied
  }

  function copyMembers(item: object): object {
    const copied: Record<string, unknown> = {}
    for (const key of attempt(() => Reflect.ownKeys(item))) {
      if (typeof key === 'symbol') fail('has a symbol as a key, which JSON drops. Leave it out.')
      path.push(key)
      checkText(key)
      if (key === '__proto__') fail('is a name that would replace the prototype of a copy. Use another name.')
      if (!attempt(() => Object.prototype.propertyIsEnumerable.call(item, key)))
        fail('is not enumerable, so JSON drops it. Leave it out.')
      const member = attempt(() => (item as Record<string, unknown>)[key])
      if (member !== undefined) copied[key] = copy(member)
      path.pop()
    }
    return copied
  }

  /** Runs code of the application: a getter, or the trap of a proxy. */
  function attempt<T>(read: () => T): T {
    try {
      return read()
    } catch (cause) {
      return fail('cannot be read', cause)
    }
  }

  function failKind(item: object): never {
    const kind = attempt(() => kindOf(item))
    const remedy = Object.hasOwn(REMEDIES, kind) ? REMEDIES[kind] : null
    if (remedy !== null) fail(`is ${/^[AE]/.test(kind) ? 'an' : 'a'} ${kind}. ${remedy}`)
    const plain = ArrayBuffer.isView(item) ? 'a text, such as base64url' : 'a plain object or array'
    return fail(`is an instance of \`${printable(kind)}\`, which JSON would change. Use ${plain}.`)
  }

  const copied = copy(value)
  if (JSON.stringify(copied).length > MAX_LENGTH)
    throw new TypeError(`\`${name}\` takes at most 1 MiB of JSON`)
  return copied
}

/** An array or object without a class, of any realm. */
function isPlain(item: object, isArray: boolean): boolean {
  const prototype: object | null = Object.getPrototypeOf(item)
  // `Array.prototype` is itself an array, in every realm.
  if (isArray) return Array.isArray(prototype)
  if (prototype === null || prototype === Object.prototype) return true
  // `Object.prototype` of another realm.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** The name of the class of an object, for a message. */
function kindOf(item: object): string {
  const tag = Object.prototype.toString.call(item).slice(8, -1)
  if (Object.hasOwn(REMEDIES, tag)) return tag
  const { constructor: type } = item
  const name = typeof type === 'function' ? type.name : ''
  return typeof name === 'string' && name !== '' ? name.slice(0, 64) : tag
}

/** `data.cart[2].price` */
function written(name: string, path: Path): string {
  let text = name
  for (const part of path) {
    if (text.length > MAX_PATH) return `${text}…`
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[A-Za-z_$][\w$]{0,63}$/.test(part)) text += `.${part}`
    else text += `[${printable(JSON.stringify(part.slice(0, 64)))}]`
  }
  return text
}
