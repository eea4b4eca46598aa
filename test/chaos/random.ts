/** The source of every random choice of a run, so that a seed repeats its plan. */
export interface Random {
  /** At least 0 and below 1. */
  next(): number
  chance(probability: number): boolean
  between(min: number, max: number): number
  pick<T>(items: readonly T[]): T
  /** An independent generator, so that the choices of one client do not depend on the speed of another. */
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
