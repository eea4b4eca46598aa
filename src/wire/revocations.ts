/**
 * The list of recently ended or changed sessions that an application serves to other services. Big-endian:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 3 | `pwl` |
 * | 3 | 1 | version of the format, 1 |
 * | 4 | 4 | longest lifetime of an access token, seconds |
 * | 8 | 4 | access tokens issued before this time must be refreshed, seconds since the epoch; 0 for none |
 * | 12 | 4 | number of entries |
 * | 16 | 12 each | the last 8 bytes of a session id, then its revocation value (signed), in the order of the ids |
 *
 * 62 of these 64 bits are random. A session shares its key with an entry of the largest list once in 5 * 10^13
 * times. It is then refused or must refresh. An ended session is never accepted because of such a collision.
 */
const MAGIC = 0x70776c01
const HEAD = 16
/** Words of an entry: two of the key, one of the value. */
export const REVOCATION_WORDS = 3
const ENTRY = REVOCATION_WORDS * 4

export const MAX_REVOCATIONS_BYTES: number = 1024 * 1024
export const MAX_REVOCATIONS: number = Math.floor((MAX_REVOCATIONS_BYTES - HEAD) / ENTRY)

/** Times in seconds. */
export interface RevocationRules {
  readonly lifetime: number
  readonly refreshBefore: number
}

export interface RevocationList extends RevocationRules {
  /** The revocation value of a session, 0 when the list has none. */
  get(sessionId: string): number
}

/** @param words three per entry, the entries in any order. Of two entries with one key the worse is kept. */
export function encodeRevocations(rules: RevocationRules, words: Int32Array): Uint8Array<ArrayBuffer> {
  const offsets = sortedOffsets(words)
  const bytes = new Uint8Array(HEAD + offsets.length * ENTRY)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, rules.lifetime)
  view.setUint32(8, rules.refreshBefore)
  view.setUint32(12, offsets.length)
  let at = HEAD
  for (const offset of offsets) {
    for (let word = 0; word < REVOCATION_WORDS; word++, at += 4) view.setInt32(at, words[offset + word]!)
  }
  return bytes
}

/** @returns the offsets of the entries in the order of their keys, one per key */
function sortedOffsets(words: Int32Array): number[] {
  const count = words.length / REVOCATION_WORDS
  const offsets = Array.from({ length: count }, (_, index) => index * REVOCATION_WORDS)
  offsets.sort((a, b) => compareKeys(words, a, b))
  const unique: number[] = []
  for (const offset of offsets) {
    const previous = unique.at(-1)
    if (previous === undefined || compareKeys(words, previous, offset) !== 0) unique.push(offset)
    else if (isWorse(words[offset + 2]!, words[previous + 2]!)) unique[unique.length - 1] = offset
  }
  return unique
}

function compareKeys(words: Int32Array, a: number, b: number): number {
  return (words[a]! >>> 0) - (words[b]! >>> 0) || (words[a + 1]! >>> 0) - (words[b + 1]! >>> 0)
}

/** An end is negative, and worse than any version. */
const isWorse = (value: number, than: number): boolean => than > 0 && (value < 0 || value > than)

/** @returns `null` for a list that is truncated, out of order or of another version */
export function decodeRevocations(bytes: Uint8Array): RevocationList | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEAD || view.getUint32(0) !== MAGIC) return null
  const count = view.getUint32(12)
  if (bytes.length !== HEAD + count * ENTRY) return null
  const compare = (index: number, high: number, low: number): number =>
    view.getUint32(HEAD + index * ENTRY) - high || view.getUint32(HEAD + index * ENTRY + 4) - low
  // The binary search below relies on the order.
  for (let index = 1; index < count; index++) {
    const at = HEAD + index * ENTRY
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
        if (order === 0) return view.getInt32(HEAD + middle * ENTRY + 8)
        if (order < 0) from = middle + 1
        else to = middle
      }
      return 0
    },
  }
}
