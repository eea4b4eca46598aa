import { newSessionId } from '../src/core/session-id.ts'
import { createSessionTable } from '../src/core/session-table.ts'

/** Bytes of one entry, and nanoseconds of one look at it. */
export interface EntryFigures {
  /** What the table says it takes; null where nothing says so. */
  readonly claimed: number | null
  /** By which heap and buffers have grown. */
  readonly measured: number
  readonly lookup: number
}

/** A process that fills one kind of memory and says what that took. */

interface Kind {
  set(id: string): void
  has(id: string): boolean
  readonly bytes: number | null
}

const [kind, count] = process.argv.slice(2)
const entries = Number(count)
const NOW = Date.now()

const used = (): number => {
  global.gc!()
  global.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

// Made in advance and kept, so that making them is neither timed nor weighed.
const ids = Array.from({ length: Math.min(entries, 10_000) }, () => newSessionId('v7', NOW))
const before = used()
const filled = kind === 'map' ? asMap() : asTable()
// A fresh id each, as the ids of a feed are: what the collection keeps of it is what counts.
for (let index = 0; index < entries; index++) filled.set(index < ids.length ? ids[index]! : freshId(index))
const after = used()
const lookups = 2_000_000
const lookedAt = performance.now()
let found = 0
for (let index = 0; index < lookups; index++) if (filled.has(ids[index % ids.length]!)) found++
const lookup = ((performance.now() - lookedAt) * 1e6) / lookups
if (found !== lookups) throw new Error('an entry was lost')

const figures: EntryFigures = {
  claimed: filled.bytes === null ? null : round(filled.bytes / entries),
  measured: round((after - before) / entries),
  lookup: round(lookup),
}
process.send!(figures)

function asTable(): Kind {
  const table = createSessionTable(64 * 1024 * 1024)
  return {
    set: (id) => void table.set(id, -1, NOW),
    has: (id) => table.get(id) !== 0,
    get bytes() {
      return table.bytes
    },
  }
}

function asMap(): Kind {
  const map = new Map<string, { ended: boolean; learnedAt: number }>()
  return {
    set: (id) => void map.set(id, { ended: true, learnedAt: NOW }),
    has: (id) => map.get(id)?.ended === true,
    bytes: null,
  }
}

/** As random as a real one to a hash, and made in no time. */
function freshId(index: number): string {
  const hex = (factor: number): string => (Math.imul(index + 1, factor) >>> 0).toString(16).padStart(8, '0')
  const [a, b] = [hex(0x9e3779b1), hex(0x85ebca6b)]
  // Read back from bytes, so that it is one flat string like those the database sends.
  return Buffer.from(`01890a5d-ac96-7${a.slice(0, 3)}-8${a.slice(3, 6)}-${b}${a.slice(4)}`).toString('latin1')
}

function round(value: number): number {
  return Number(value.toFixed(1))
}
