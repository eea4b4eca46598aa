/**
 * The revocation list: the sessions that ended or changed lately. An application publishes it for services that verify
 * access tokens themselves. Most significant byte first:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 3 | `pwl` |
 * | 3 | 1 | version of the format, 1 |
 * | 4 | 4 | longest lifetime of an access token, seconds |
 * | 8 | 4 | access tokens issued before this time must be refreshed, seconds since the epoch; 0: none |
 * | 12 | 4 | number of entries |
 * | 16 | 12 each | entries in ascending order of keys, each key once |
 *
 * An entry is a key, the last 8 bytes of a session id, and a signed 32-bit value. A negative value says why the session
 * ended. A positive one is the smallest acceptable version, plus one.
 *
 * 62 bits of a key are random. With the largest list, a session has the key of another one once in 5 * 10^13 times. It
 * is then refused or must refresh as the other one. An ended session is never accepted.
 */
const MAGIC = 0x70776c01
const HEADER_BYTES = 16
/** 32-bit words of an entry: two of the key, one of the value. */
export const REVOCATION_WORDS = 3
const ENTRY_BYTES = REVOCATION_WORDS * 4

/** Largest size of a list. */
export const MAX_REVOCATIONS_BYTES: number = 1024 * 1024
/** Largest number of entries. */
export const MAX_REVOCATIONS: number = /* @__PURE__ */ Math.floor(
  (MAX_REVOCATIONS_BYTES - HEADER_BYTES) / ENTRY_BYTES,
)

/** The header of a list. Times in seconds. */
export interface RevocationRules {
  /** Longest lifetime of an access token. */
  readonly lifetime: number
  /** Access tokens issued before this time must be refreshed. */
  readonly refreshBefore: number
}

export interface RevocationList extends RevocationRules {
  /** @returns the value of the session's entry; 0 if there is none */
  get(sessionId: string): number
}

/**
 * @param words the words of the entries, in any order. Of two entries with the same key, the stricter one counts.
 */
export function encodeRevocations(rules: RevocationRules, words: Int32Array): Uint8Array<ArrayBuffer> {
  const offsets = sortEntries(words)
  const bytes = new Uint8Array(HEADER_BYTES + offsets.length * ENTRY_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, rules.lifetime)
  view.setUint32(8, rules.refreshBefore)
  view.setUint32(12, offsets.length)
  let at = HEADER_BYTES
  for (const offset of offsets) {
    for (let word = 0; word < REVOCATION_WORDS; word++, at += 4) view.setInt32(at, words[offset + word]!)
  }
  return bytes
}

/** @returns the offsets of the entries in `words`, in order of keys, each key once */
function sortEntries(words: Int32Array): number[] {
  const count = words.length / REVOCATION_WORDS
  const sorted = Array.from({ length: count }, (_, index) => index * REVOCATION_WORDS)
  sorted.sort((a, b) => compareKeys(words, a, b))
  const offsets: number[] = []
  for (const offset of sorted) {
    const previous = offsets.at(-1)
    if (previous === undefined || compareKeys(words, previous, offset) !== 0) offsets.push(offset)
    else if (isStricter(words[offset + 2]!, words[previous + 2]!)) offsets[offsets.length - 1] = offset
  }
  return offsets
}

function compareKeys(words: Int32Array, a: number, b: number): number {
  return (words[a]! >>> 0) - (words[b]! >>> 0) || (words[a + 1]! >>> 0) - (words[b + 1]! >>> 0)
}

/** An end (below zero) is stricter than any version. */
const isStricter = (value: number, than: number): boolean => than > 0 && (value < 0 || value > than)

/** @returns null if the bytes are not a list of this version, are cut off, or are out of order */
export function decodeRevocations(bytes: Uint8Array): RevocationList | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES || view.getUint32(0) !== MAGIC) return null
  const count = view.getUint32(12)
  if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) return null
  const compare = (index: number, high: number, low: number): number =>
    view.getUint32(HEADER_BYTES + index * ENTRY_BYTES) - high ||
    view.getUint32(HEADER_BYTES + index * ENTRY_BYTES + 4) - low
  // `get` is a binary search: one entry out of order could hide others.
  for (let index = 1; index < count; index++) {
    const at = HEADER_BYTES + index * ENTRY_BYTES
    if (compare(index - 1, view.getUint32(at), view.getUint32(at + 4)) >= 0) return null
  }
  return {
    lifetime: view.getUint32(4),
    refreshBefore: view.getUint32(8),
    get(sessionId) {
      const key = sessionId.slice(19).replace('-', '')
      const high = Number.parseInt(key.slice(0, 8), 16)
      const low = Number.parseInt(key.slice(8), 16)
      let from = 0
      let to = count
      while (from < to) {
        const middle = (from + to) >>> 1
        const order = compare(middle, high, low)
        if (order === 0) return view.getInt32(HEADER_BYTES + middle * ENTRY_BYTES + 8)
        if (order < 0) from = middle + 1
        else to = middle
      }
      return 0
    },
  }
}
