import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4096
/** Milliseconds. A process that starts from a snapshot must not repeat the bytes of the process that was copied. */
const MAX_AGE = 20
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES
let filledAt = 0

/**
 * Bytes from the CSPRNG, drawn 4 KiB at a time: with a draw of its own, a refresh takes about 10 % longer. The pool
 * erases the bytes that it returns, and is at most {@link MAX_AGE} old.
 *
 * The age protects copies of this process: startup snapshots of Node.js, and clones of a micro-VM that resume later. It
 * cannot protect a clone from a repetition by OpenSSL, whose generator is part of the copied memory until it reseeds
 * itself. A login therefore takes another id if its session id exists.
 * @param size at most 64
 */
export function randomBytes(size: number): Buffer {
  const now = Date.now()
  // The clock may have been set back.
  if (used + size > POOL_BYTES || Math.abs(now - filledAt) > MAX_AGE) {
    randomFillSync(pool)
    used = 0
    filledAt = now
  }
  const bytes = Buffer.from(pool.subarray(used, used + size))
  pool.fill(0, used, used + size)
  used += size
  return bytes
}
