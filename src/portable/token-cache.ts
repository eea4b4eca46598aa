/** Verified access tokens, bounded in bytes. */
export interface TokenCache<T> {
  get(token: string): T | undefined
  set(token: string, value: T): void
}

/** Bytes of an entry besides the token's text; measured by `npm run bench -- memory`. */
const ENTRY_OVERHEAD = 650

/**
 * Keeps two maps: when the young one is full, it replaces the old one, whose entries are dropped. A used entry moves
 * to the young map, so it stays without a list in order of use.
 */
export function createTokenCache<T>(maxBytes: number): TokenCache<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  let youngBytes = 0

  function insert(token: string, value: T): void {
    const cost = costOf(token)
    if (youngBytes + cost > maxBytes / 2) {
      old = young
      young = new Map()
      youngBytes = 0
    }
    const key = copyOf(token)
    if (!young.has(key)) youngBytes += cost
    young.set(key, value)
  }

  return {
    get(token) {
      const value = young.get(token)
      if (value !== undefined) return value
      const aged = old.get(token)
      if (aged !== undefined) insert(token, aged)
      return aged
    },
    set(token, value) {
      if (costOf(token) <= maxBytes / 2) insert(token, value)
    },
  }
}

/**
 * A token cut out of a header keeps the whole header in memory; the parser makes a string of its own. The characters
 * of a verified token need no escape.
 */
const copyOf = (token: string): string => JSON.parse(`"${token}"`)

const costOf = (token: string): number => 2 * token.length + ENTRY_OVERHEAD
