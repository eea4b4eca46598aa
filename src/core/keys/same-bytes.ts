import { timingSafeEqual } from 'node:crypto'

/** In a time that does not depend on the bytes. Their lengths may be known. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
