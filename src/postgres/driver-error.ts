import { types } from 'node:util'

/**
 * What a driver threw, as an `Error`. A driver over WebSockets rejects with the event of the socket, which is no `Error`
 * but may carry one.
 */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown
  const { error, message, code } = (thrown ?? {}) as { error?: unknown; message?: unknown; code?: unknown }
  if (error instanceof Error) return error
  const text = typeof message === 'string' ? message : typeof thrown === 'string' ? thrown : ''
  return Object.assign(new Error(text, { cause: thrown }), code === undefined ? {} : { code })
}
