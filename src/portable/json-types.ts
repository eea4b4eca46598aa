/** A value that JSON keeps unchanged. A member that is `undefined` counts as absent. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined }

/**
 * The type itself, if all of it is JSON, interfaces included. Any other part becomes a sentence, which the compiler shows in
 * its message. `unknown` becomes {@link Json}.
 */
export type JsonOf<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? Json
    : T extends Json | undefined
      ? T
      : T extends object
        ? T extends Date
          ? 'a Date is not JSON: use toISOString()'
          : T extends (...args: never) => unknown
            ? 'a function is not JSON: leave it out'
            : T extends NotPlain
              ? 'this object is not JSON: use a plain object or an array'
              : T extends readonly unknown[]
                ? { [Index in keyof T]: undefined extends T[Index] ? ItemOf<T[Index]> : JsonOf<T[Index]> }
                : [keyof T] extends [never]
                  ? T
                  : { [Name in keyof T]: JsonOf<T[Name]> }
        : 'this is not JSON: use a text'

/** `unknown` admits undefined, and becomes {@link Json} nevertheless. */
type ItemOf<T> = unknown extends T ? JsonOf<T> : 'undefined in an array is not JSON: use null'

type NotPlain =
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<never, unknown>
  | RegExp
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | PromiseLike<unknown>

/** A patch of {@link SessionOperations.patchData}: some of the keys, or null to remove one. A required key cannot be removed. */
export type DataPatch<Data> = unknown extends Data
  ? { readonly [name: string]: Json }
  : Data extends readonly unknown[]
    ? never
    : Data extends object
      ? { readonly [Name in keyof Data]?: JsonOf<Exclude<Data[Name], undefined>> | Removal<Data, Name> }
      : never

type Empty = Record<never, never>

type Removal<Data, Name extends keyof Data> = Empty extends Pick<Data, Name> ? null : never

/** The field `claims` of a login: required if its type has required members. */
export type ClaimsField<Claims extends object> = Empty extends Claims
  ? {
      /** The claims, which become the top level of the access token. The client can read them. @defaultValue {} */
      readonly claims?: JsonOf<Claims>
    }
  : {
      /** The claims, which become the top level of the access token. The client can read them. */
      readonly claims: JsonOf<Claims>
    }

/** The field `data` of a login: required unless its type admits null. */
export type DataField<Data> = null extends Data
  ? {
      /** The data, which Pawl keeps in the row and never sends to the client. @defaultValue null */
      readonly data?: JsonOf<Data>
    }
  : undefined extends Data
    ? {
        /** The data, which Pawl keeps in the row and never sends to the client. @defaultValue null */
        readonly data?: JsonOf<Exclude<Data, undefined>>
      }
    : {
        /** The data, which Pawl keeps in the row and never sends to the client. */
        readonly data: JsonOf<Data>
      }
