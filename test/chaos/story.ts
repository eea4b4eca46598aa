const KEPT = 80
const startedAt = Date.now()

/** The last events of one client, for the report of a failure. */
export interface Story {
  add(event: string): void
  readonly lines: readonly string[]
}

export function createStory(): Story {
  let lines: string[] = []
  return {
    add(event) {
      lines.push(`${((Date.now() - startedAt) / 1000).toFixed(3).padStart(8)}  ${event}`)
      if (lines.length >= 2 * KEPT) lines = lines.slice(-KEPT)
    },
    get lines() {
      return lines.slice(-KEPT)
    },
  }
}
