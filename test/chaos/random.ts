/** Every choice of a run comes from here, so that a seed gives the same plan again. Timing is the machine's own. */
export interface Random {
  /** From 0 to below 1. */
  next(): number
  chance(probability: number): boolean
  between(min: number, max: number): number
  pick<T>(items: readonly T[]): T
  /** A generator of its own: what one client draws must not depend on how fast another one is. */
  fork(): Random
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    chance: (probability) => next() < probability,
    between: (min, max) => min + next() * (max - min),
    pick: (items) => items[Math.floor(next() * items.length)]!,
    fork: () => createRandom(Math.floor(next() * 2 ** 32)),
  }
}
