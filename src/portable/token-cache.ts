/**
 * Access tokens already verified, bounded in bytes. Two maps, young and old: when the young one is
 * full it becomes the old one and the old one is forgotten, so that what is used stays, without a
 * list to keep in order.
 */
export interface TokenCache<T> {
  get(token: string): T | undefined
  set(token: string, value: T): void
}

/** Bytes of an entry besides its texts; measured by `npm run bench -- memory`. */
const ENTRY_OVERHEAD = 650

export function createTokenCache<T>(maxBytes: number): TokenCache<T> {
  interface Entry {
    readonly token: string
    readonly value: T
  }
  let young = new Map<number, Entry>()
  let old = new Map<number, Entry>()
  let youngBytes = 0

  function insert(key: number, entry: Entry): void {
    const cost = costOf(entry.token)
    if (youngBytes + cost > maxBytes / 2) {
      old = young
      young = new Map()
      youngBytes = 0
    }
    const replaced = young.get(key)
    young.set(key, entry)
    youngBytes += cost - (replaced === undefined ? 0 : costOf(replaced.token))
  }

  return {
    get(token) {
      const key = keyOf(token)
      let entry = young.get(key)
      if (entry === undefined) {
        entry = old.get(key)
        if (entry !== undefined) insert(key, entry)
      }
      // The key is only a bit of the signature: the whole token must agree, or someone swapped the payload.
      return entry?.token === token ? entry.value : undefined
    },
    set(token, value) {
      if (costOf(token) > maxBytes / 2) return
      // A slice of a header string keeps the whole header alive; a copy does not.
      const flat = copy(token)
      insert(keyOf(flat), { token: flat, value })
    },
  }
}

/** The parser makes a string of its own; a verified token has no character that means something to it. */
const copy = (text: string): string => JSON.parse(`"${text}"`)

/** The text of the token, and what was read out of it. */
const costOf = (token: string): number => 2 * token.length + ENTRY_OVERHEAD

/**
 * The end of the signature as a number, which a map finds in half the time of a text. It is random and nobody can
 * choose it; of two tokens in some hundred million that share one, the one seen last is remembered.
 */
function keyOf(token: string): number {
  let key = 0
  // Not the last two characters, which are not random in a signature of Ed25519 (RFC 8032 section 5.1.6).
  for (let at = token.length - 7; at < token.length - 2; at++) key = (key << 6) ^ token.charCodeAt(at)
  return key & 0x3fffffff
}
