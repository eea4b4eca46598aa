/** What was probably meant: the known word with the fewest typing mistakes in it, if they are few. */
export function closest(given: string, known: readonly string[]): string | null {
  if (given.length > 64) return null
  let best: string | null = null
  let fewest = Math.max(1, Math.floor(given.length / 3)) + 1
  for (const word of known) {
    const mistakes = word.startsWith(given) && given.length > 2 ? 1 : edits(given.toLowerCase(), word)
    if (mistakes < fewest) {
      best = word
      fewest = mistakes
    }
  }
  return best
}

/** Levenshtein's distance. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same))
    }
    row = next
  }
  return row.at(-1)!
}
