/**
 * A map from session ids to small numbers in one block of memory. A million entries take 48 MiB; a `Map` with
 * string keys takes about three times that, all of it work for the garbage collector.
 */
export interface RevocationTable {
  /** 0 without an entry. */
  get(sessionId: string): number
  /** @param value a non-zero 32-bit integer @returns false when there is no room for a new entry */
  set(sessionId: string, value: number, time: number): boolean
  /** Deletes the entries from before `time`. */
  deleteBefore(time: number): void
  /** Deletes the older half, about, but nothing from after `latest`. @returns the number of deleted entries */
  deleteOlderHalf(latest?: number): number
  forEach(visit: VisitEntry): void
  readonly size: number
  readonly bytes: number
}

/** Gets the last 64 bits of the session id as two unsigned words, the value, and its time to the second, in ms. */
export type VisitEntry = (high: number, low: number, value: number, time: number) => void

/** A slot is four words of id, the value, and the time in seconds. An empty slot has the value 0. */
const SLOT_WORDS = 6
const ID_WORDS = 4
const VALUE = 4
const TIME = 5
const SLOT_BYTES = SLOT_WORDS * 4
const MIN_SLOTS = 1024
/** 2^32 divided by the golden ratio (Fibonacci hashing). */
const HASH_FACTOR = 0x9e3779b1
/** Times count from here, so that seconds fit a signed word until 2092. */
const EPOCH = Date.UTC(2024, 0, 1)
const SAMPLE_SIZE = 1000

/** @param maxBytes rounded down to a power of two of slots */
export function createRevocationTable(maxBytes: number): RevocationTable {
  const maxSlots = Math.max(MIN_SLOTS, 2 ** Math.floor(Math.log2(maxBytes / SLOT_BYTES)))
  let slots = MIN_SLOTS
  let words = new Int32Array(slots * SLOT_WORDS)
  let size = 0

  /** @returns the offset of the slot that holds the id at `ids[at]`, or of the empty slot for it */
  function find(ids: Int32Array, at: number): number {
    // The last word of an id is random. The hash spreads ids that an application numbered by itself.
    let slot = (Math.imul(ids[at + 3]!, HASH_FACTOR) >>> 8) & (slots - 1)
    for (;;) {
      const offset = slot * SLOT_WORDS
      if (words[offset + VALUE] === 0 || hasId(words, offset, ids, at)) return offset
      slot = (slot + 1) & (slots - 1)
    }
  }

  /** Moves the entries from after `seconds` to a block of the right size. */
  function rebuild(seconds: number): void {
    const before = words
    const stays = (at: number): boolean => before[at + VALUE] !== 0 && before[at + TIME]! > seconds
    let kept = 0
    for (let at = 0; at < before.length; at += SLOT_WORDS) if (stays(at)) kept++
    slots = MIN_SLOTS
    // At most half full, or the next entries would cause another rebuild.
    while (slots < maxSlots && kept * 2 > slots) slots *= 2
    words = new Int32Array(slots * SLOT_WORDS)
    size = kept
    for (let at = 0; at < before.length; at += SLOT_WORDS) {
      if (!stays(at)) continue
      const to = find(before, at)
      for (let word = 0; word < SLOT_WORDS; word++) words[to + word] = before[at + word]!
    }
  }

  return {
    get(sessionId) {
      return size === 0 ? 0 : words[find(wordsOf(sessionId), 0) + VALUE]!
    },
    set(sessionId, value, time) {
      const id = wordsOf(sessionId)
      let offset = find(id, 0)
      if (words[offset + VALUE] === 0) {
        if (isFull(size, slots)) {
          if (slots === maxSlots) return false
          rebuild(Number.NEGATIVE_INFINITY)
          offset = find(id, 0)
        }
        size++
        words.set(id, offset)
      }
      words[offset + VALUE] = value
      words[offset + TIME] = toSeconds(time)
      return true
    },
    deleteBefore(time) {
      const seconds = toSeconds(time) - 1
      for (let at = 0; at < words.length; at += SLOT_WORDS) {
        if (words[at + VALUE] !== 0 && words[at + TIME]! <= seconds) return rebuild(seconds)
      }
    },
    deleteOlderHalf(latest = Number.POSITIVE_INFINITY) {
      const before = size
      rebuild(Math.min(medianTime(words, slots), toSeconds(latest)))
      return before - size
    },
    forEach(visit) {
      for (let at = 0; at < words.length; at += SLOT_WORDS) {
        const value = words[at + VALUE]!
        if (value !== 0)
          visit(words[at + 2]! >>> 0, words[at + 3]! >>> 0, value, words[at + TIME]! * 1000 + EPOCH)
      }
    },
    get size() {
      return size
    },
    get bytes() {
      return words.byteLength
    },
  }
}

/** Above three quarters, lookups would visit many slots. */
const isFull = (entries: number, slots: number): boolean => (entries + 1) * 4 > slots * 3

function hasId(words: Int32Array, offset: number, ids: Int32Array, at: number): boolean {
  for (let word = ID_WORDS - 1; word >= 0; word--) if (words[offset + word] !== ids[at + word]) return false
  return true
}

/** Estimates from a sample, because sorting a million times takes too long. */
function medianTime(words: Int32Array, slots: number): number {
  const sample: number[] = []
  const step = Math.max(1, Math.floor(slots / SAMPLE_SIZE)) * SLOT_WORDS
  for (let at = 0; at < words.length; at += step) {
    if (words[at + VALUE] !== 0) sample.push(words[at + TIME]!)
  }
  sample.sort((a, b) => a - b)
  return sample[Math.floor(sample.length / 2)] ?? 0
}

function toSeconds(ms: number): number {
  return Math.floor((ms - EPOCH) / 1000)
}

/** The 32 hexadecimal digits of a UUID as four words. */
function wordsOf(sessionId: string): Int32Array {
  const digits = sessionId.replaceAll('-', '')
  const words = new Int32Array(ID_WORDS)
  for (let word = 0; word < ID_WORDS; word++)
    words[word] = Number.parseInt(digits.slice(8 * word, 8 * word + 8), 16)
  return words
}
