import { randomFillSync } from 'node:crypto'

const POOL = 4096
const pool = Buffer.alloc(POOL)
let at = POOL

/**
 * Bytes from the CSPRNG. Asked for 4 KiB at a time, as each time takes 2 µs however few they are; handed out once
 * and forgotten here, as `crypto.randomUUID` does it.
 * @param size at most 64
 */
export function randomBytes(size: number): Buffer {
  if (at + size > POOL) {
    randomFillSync(pool)
    at = 0
  }
  const bytes = Buffer.from(pool.subarray(at, at + size))
  pool.fill(0, at, at + size)
  at += size
  return bytes
}
