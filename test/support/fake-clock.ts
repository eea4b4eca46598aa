const SECOND = 1000

/** A clock that only moves when a test moves it. */
export interface FakeClock {
  now(): number
  advance(seconds: number): void
}

export function createFakeClock(start: number = Date.UTC(2030, 0, 1, 12)): FakeClock {
  let time = start
  return {
    now: () => time,
    advance(seconds) {
      time += seconds * SECOND
    },
  }
}
