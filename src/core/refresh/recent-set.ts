/** The last keys that were added, up to a number. Two sets take turns, so no order has to be kept. */
export interface RecentSet {
  has(key: string): boolean
  add(key: string): void
}

export function createRecentSet(maxSize: number): RecentSet {
  let young = new Set<string>()
  let old = new Set<string>()
  return {
    has: (key) => young.has(key) || old.has(key),
    add(key) {
      if (young.size >= maxSize / 2) {
        old = young
        young = new Set()
      }
      young.add(key)
    },
  }
}
