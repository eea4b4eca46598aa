import type { KeyInfo } from './key-ring.ts'

/** Browsers keep no cookie for longer (RFC 6265bis section 5.5). Milliseconds. */
const COOKIE_LIFETIME = 400 * 86_400_000
/** Every process reads the whole key table each minute, and `keys.rotationInterval` may be as short as 5 minutes. */
const MAX_RETIRED = 1000

/**
 * Keys that retired before this time may be deleted, in ms. A retired key names the sessions of old access cookies,
 * so it stays for as long as browsers may keep such a cookie.
 */
export function keysDueBefore(keys: readonly KeyInfo[], now: number): number {
  const retired = keys
    .flatMap(({ verifiesUntil }) => verifiesUntil?.getTime() ?? [])
    .filter((at) => at <= now)
  const oldestKept = retired.toSorted((a, b) => b - a)[MAX_RETIRED - 1] ?? Number.NEGATIVE_INFINITY
  return Math.max(now - COOKIE_LIFETIME, oldestKept)
}
