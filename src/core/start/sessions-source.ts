import { isPromise } from '../../portable/is-promise.ts'
import { describe } from '../../portable/options/check.ts'
import type { Sessions } from '../api.ts'
import { ENGINE } from '../engine.ts'
import { describeOtherCopy } from './copies.ts'
import { trackReloads } from './reloads.ts'
import { createStarting, type Starting } from './starting.ts'

/**
 * The sessions that an adapter uses: the sessions themselves, a promise of them, or a function that makes them. Pawl calls
 * the function when the first request needs the sessions. After a failure it calls it again for a later request.
 */
export type SessionsSource<Claims extends object, Data> =
  | Sessions<Claims, Data>
  | PromiseLike<Sessions<Claims, Data>>
  | (() => Sessions<Claims, Data> | PromiseLike<Sessions<Claims, Data>>)

/** A source that the application uses in several places makes its sessions once. */
const opened = new WeakMap<object, Starting<never, never>>()

/**
 * @param caller the function that got the source, for messages
 * @throws TypeError naming the mistake if the source is none
 */
export function openSource<Claims extends object, Data>(
  source: SessionsSource<Claims, Data>,
  caller: string,
): Sessions<Claims, Data> | Starting<Claims, Data> {
  if (isSessions<Claims, Data>(source)) return source
  const known = opened.get(Object(source))
  // The same source has the same claims and data.
  if (known !== undefined && !known.isClosed) return known as unknown as Starting<Claims, Data>
  if (typeof source === 'function') return openFunction(source, caller, null)
  if (!isPromise<unknown>(source)) throw wrong(caller, describeMistake(source))
  const name = `the promise that ${caller}() got`
  return nameSource(
    source,
    createStarting({ make: () => source, accept: acceptor(name), name, isPromise: true }),
  )
}

/**
 * @param key names the sessions when a dev server loads the module again; null: the file that called Pawl
 * @throws TypeError if the function takes parameters or is a class
 */
export function openFunction<Claims extends object, Data>(
  make: () => Sessions<Claims, Data> | PromiseLike<Sessions<Claims, Data>>,
  caller: string,
  key: string | null,
): Starting<Claims, Data> {
  const mistake = typeof make === 'function' ? mistakeInFunction(make) : describeMistake(make)
  if (mistake !== null) throw wrong(caller, mistake)
  const name = `the function that ${caller}() got`
  const starting = createStarting<Claims, Data>({
    make,
    accept: acceptor(name),
    name,
    onMade: () => onMade(),
  })
  const onMade = trackReloads(starting, key)
  return nameSource(make, starting)
}

/** Makes a source find its sessions in other adapters. */
export function nameSource<Claims extends object, Data>(
  source: object,
  starting: Starting<Claims, Data>,
): Starting<Claims, Data> {
  opened.set(source, starting as unknown as Starting<never, never>)
  return starting
}

function acceptor<Claims extends object, Data>(name: string): (result: unknown) => Sessions<Claims, Data> {
  return (result) => {
    if (isSessions<Claims, Data>(result)) return result
    throw new TypeError(`${name} must give sessions; it gave ${describeMistake(result)}`)
  }
}

export function isSessions<Claims extends object, Data>(value: unknown): value is Sessions<Claims, Data> {
  return typeof value === 'object' && value !== null && ENGINE in value
}

function mistakeInFunction(source: (...given: never[]) => unknown): string | null {
  const name = source.name === '' ? '' : ` ${source.name}`
  if (/^class\b/.test(Function.prototype.toString.call(source))) return `the class${name}`
  return source.length === 0 ? null : `the function${name}, which takes parameters`
}

function describeMistake(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return describe(value)
  const otherCopy = describeOtherCopy(value)
  if (otherCopy !== null) return otherCopy
  if ('secret' in value || 'store' in value) return 'the options of createSessions()'
  return 'realm' in value ? 'a store' : 'an object that createSessions() has not made'
}

function wrong(caller: string, mistake: string): TypeError {
  return new TypeError(
    caller === 'lazySessions'
      ? `lazySessions() takes a function that makes sessions, such as () => createSessions({ … }); it got ${mistake}`
      : `${caller}() takes sessions, a promise of them, or a function that makes them, such as () => createSessions({ … }); it got ${mistake}`,
  )
}
