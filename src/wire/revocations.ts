/**
 * What an application tells other services of the sessions that ended or changed lately, most significant
 * byte first:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 3 | `pwl` |
 * | 3 | 1 | version of the format, 1 |
 * | 4 | 4 | longest life of an access token, seconds |
 * | 8 | 4 | access tokens issued before then must be refreshed, seconds since the epoch; 0 for none |
 * | 12 | 4 | how many entries follow |
 * | 16 | 12 each | the last 8 bytes of a session id, and what is known of it (signed), ordered by the former, each once |
 *
 * 62 of these 64 bits are random. Beside the largest list a session shares its own with one of them once in
 * 5 * 10^13 times, and is then refused or has to refresh as that one; no ended session is ever accepted for it.
 */
const MAGIC = 0x70776c01
const HEAD = 16
/** Of an entry: two of the key, one of what is known. */
export const REVOCATION_WORDS = 3
const ENTRY = REVOCATION_WORDS * 4

export const MAX_REVOCATIONS_BYTES: number = 1024 * 1024
/** A list holds at most so many. */
export const MAX_REVOCATIONS: number = Math.floor((MAX_REVOCATIONS_BYTES - HEAD) / ENTRY)
/** A power of two above that. */
const PLACES = 2 ** 17

/** Times in seconds. */
export interface RevocationRules {
  readonly lifetime: number
  readonly refreshBefore: number
}

export interface RevocationList extends RevocationRules {
  /** 0 where nothing is known. */
  get(sessionId: string): number
}

/** @param words three of each entry, the entries in any order; of two with one key the worse counts */
export function encodeRevocations(rules: RevocationRules, words: Int32Array): Uint8Array<ArrayBuffer> {
  const offsets = inOrder(words)
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

/** @returns where the entries are, by key, each key once */
function inOrder(words: Int32Array): number[] {
  const count = words.length / REVOCATION_WORDS
  // Numbers sort ten times as fast on their own as by a function. One holds half a key and a place.
  const packed = new Float64Array(count)
  for (let place = 0; place < count; place++)
    packed[place] = (words[place * REVOCATION_WORDS]! >>> 0) * PLACES + place
  const offsets: number[] = []
  for (const value of packed.sort()) {
    const offset = (value % PLACES) * REVOCATION_WORDS
    let at = offsets.length
    // Hardly ever more than a look: two keys that begin alike are rare.
    while (at > 0 && compareKeys(words, offsets[at - 1]!, offset) > 0) at--
    const before = offsets[at - 1]
    if (before === undefined || compareKeys(words, before, offset) < 0) offsets.splice(at, 0, offset)
    else if (isWorse(words[offset + 2]!, words[before + 2]!)) offsets[at - 1] = offset
  }
  return offsets
}

function compareKeys(words: Int32Array, a: number, b: number): number {
  return (words[a]! >>> 0) - (words[b]! >>> 0) || (words[a + 1]! >>> 0) - (words[b + 1]! >>> 0)
}

/** An end is below zero, and worse than any version. */
const isWorse = (value: number, than: number): boolean => than > 0 && (value < 0 || value > than)

/** @returns null for anything but a list of this version: cut off, out of order, or of another kind */
export function decodeRevocations(bytes: Uint8Array): RevocationList | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEAD || view.getUint32(0) !== MAGIC) return null
  const count = view.getUint32(12)
  if (bytes.length !== HEAD + count * ENTRY) return null
  const compare = (index: number, high: number, low: number): number =>
    view.getUint32(HEAD + index * ENTRY) - high || view.getUint32(HEAD + index * ENTRY + 4) - low
  // Looked up by halves, so one entry out of place could hide others.
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
