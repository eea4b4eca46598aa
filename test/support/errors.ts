import { expect } from 'vitest'

/** Matches an error of Pawl with these fields, for `toThrow` and `rejects.toThrow`. */
export function coded(code: string, fields: Readonly<Record<string, unknown>> = {}): unknown {
  return expect.objectContaining({ code, ...fields })
}
