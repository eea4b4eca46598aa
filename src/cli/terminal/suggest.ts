/** The known word that was probably meant: the one with the fewest typing mistakes, if they are few. */
export function closest(typed: string, known: readonly string[]): string | null {
  if (typed.length > 64) return null
  let best: string | null = null
  let fewest = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const word of known) {
    const isPrefix = word.startsWith(typed) && typed.length > 2
    const mistakes = isPrefix ? 1 : editDistance(typed.toLowerCase(), word)
    if (mistakes < fewest) {
      best = word
      fewest = mistakes
    }
  }
  return best
}

/** Levenshtein's distance. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const substitution = from[i - 1] === to[j - 1] ? 0 : 1
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + substitution))
    }
    row = next
  }
  return row.at(-1)!
}
