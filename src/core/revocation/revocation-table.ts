/**
 * A map from session ids to small numbers, in one block of memory: 24 bytes a slot, filled to at most
 * three quarters. A million entries take 48 MiB whatever the id's text is, and the garbage collector has
 * nothing to look through, where a `Map` of strings takes about three times that.
 */
export interface SessionTable {
  /** 0 where there is no entry. */
  get(sessionId: string): number
  /** @param value a non-zero 32-bit integer @returns false when there is no room for a new entry */
  set(sessionId: string, value: number, time: number): boolean
  /** Forgets what happened before then. */
  forget(before: number): void
  /** Forgets about half, what happened first, and nothing from after `latest`. @returns how much */
  forgetHalf(latest?: number): { count: number }
  /** Calls back for each entry: the last 64 bits of its id as two unsigned words, its value, and its time to the second. */
  each(visit: (high: number, low: number, value: number, time: number) => void): void
  readonly size: number
  readonly bytes: number
}

/** Four words of id, the value, and when it happened, in seconds. */
const WORDS = 6
const VALUE = 4
const TIME = 5
const SLOT_BYTES = WORDS * 4
const FEWEST_SLOTS = 1024
/** 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1
/** Probing stays short up to this. */
const fits = (entries: number, slots: number): boolean => entries * 4 <= slots * 3

/** @param maxBytes rounded down to a power of two of slots */
export function createSessionTable(maxBytes: number): SessionTable {
  const mostSlots = Math.max(FEWEST_SLOTS, 2 ** Math.floor(Math.log2(maxBytes / SLOT_BYTES)))
  let slots = FEWEST_SLOTS
  let words = new Int32Array(slots * WORDS)
  let size = 0
  /** The id last looked for; a lookup runs to its end before the next. */
  const key = new Int32Array(4)

  /** The slot that holds `key`, or the empty one where it belongs. */
  function find(): number {
    // The last word of an id is random, and nobody outside chooses ids; spread, in case somebody counts them up.
    for (let slot = (Math.imul(key[3]!, SPREAD) >>> 8) & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const at = slot * WORDS
      if (
        words[at + VALUE] === 0 ||
        (words[at + 3] === key[3] &&
          words[at + 2] === key[2] &&
          words[at + 1] === key[1] &&
          words[at] === key[0])
      ) {
        return at
      }
    }
  }

  /** Moves to a block of the right size the entries from after `seconds`. */
  function rebuild(seconds: number): void {
    const before = words
    let kept = 0
    for (let at = 0; at < before.length; at += WORDS) {
      if (before[at + VALUE] !== 0 && before[at + TIME]! > seconds) kept++
    }
    slots = FEWEST_SLOTS
    // Half full at most, or the next entries would have it moved again.
    while (slots < mostSlots && kept * 2 > slots) slots *= 2
    words = new Int32Array(slots * WORDS)
    size = kept
    for (let at = 0; at < before.length; at += WORDS) {
      if (before[at + VALUE] === 0 || before[at + TIME]! <= seconds) continue
      for (let word = 0; word < 4; word++) key[word] = before[at + word]!
      const to = find()
      for (let word = 0; word < WORDS; word++) words[to + word] = before[at + word]!
    }
  }

  return {
    get(sessionId) {
      if (size === 0) return 0
      parse(sessionId, key)
      return words[find() + VALUE]!
    },
    set(sessionId, value, time) {
      parse(sessionId, key)
      let at = find()
      if (words[at + VALUE] === 0) {
        if (!fits(size + 1, slots)) {
          if (slots === mostSlots) return false
          rebuild(Number.NEGATIVE_INFINITY)
          parse(sessionId, key)
          at = find()
        }
        size++
        words.set(key, at)
      }
      words[at + VALUE] = value
      words[at + TIME] = toSeconds(time)
      return true
    },
    forget(before) {
      const seconds = toSeconds(before) - 1
      for (let at = 0; at < words.length; at += WORDS) {
        if (words[at + VALUE] !== 0 && words[at + TIME]! <= seconds) return rebuild(seconds)
      }
    },
    forgetHalf(latest = Number.POSITIVE_INFINITY) {
      // By a sample, as sorting a million takes too long; spread evenly, as ids are.
      const sample: number[] = []
      const step = Math.max(1, Math.floor(slots / 1000)) * WORDS
      for (let at = 0; at < words.length; at += step) {
        if (words[at + VALUE] !== 0) sample.push(words[at + TIME]!)
      }
      sample.sort((a, b) => a - b)
      const seconds = Math.min(sample[Math.floor(sample.length / 2)] ?? 0, toSeconds(latest))
      const before = size
      rebuild(seconds)
      return { count: before - size }
    },
    each(visit) {
      for (let at = 0; at < words.length; at += WORDS) {
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

/** Seconds since this fit a signed word until 2092. */
const EPOCH = Date.UTC(2024, 0, 1)

function toSeconds(ms: number): number {
  return Math.floor((ms - EPOCH) / 1000)
}

/** The 32 hexadecimal digits of a UUID, as four words. */
function parse(sessionId: string, into: Int32Array): void {
  let at = 0
  for (let word = 0; word < 4; word++) {
    let value = 0
    for (let digits = 0; digits < 8; at++) {
      const code = sessionId.charCodeAt(at)
      if (code === DASH) continue
      value = (value << 4) | (code > NINE ? (code & 0xdf) - A + 10 : code - ZERO)
      digits++
    }
    into[word] = value
  }
}

const DASH = 0x2d
const ZERO = 0x30
const NINE = 0x39
const A = 0x41
