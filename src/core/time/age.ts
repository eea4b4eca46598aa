/** How long ago something happened, also if the process did not run meanwhile. */
export interface Age {
  readonly milliseconds: number
  restart(): void
}

/** Begins at 0. */
export function createAge(): Age {
  // A machine that sleeps stops the clock of elapsed time, and whoever sets the wall clock moves only that one.
  let elapsedAt = performance.now()
  let wallAt = Date.now()
  return {
    get milliseconds() {
      return Math.max(performance.now() - elapsedAt, Date.now() - wallAt)
    },
    restart() {
      elapsedAt = performance.now()
      wallAt = Date.now()
    },
  }
}
