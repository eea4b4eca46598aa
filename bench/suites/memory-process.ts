import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import type { createSessionTable as CreateSessionTable } from '../../src/core/revocation/revocation-table.ts'

/** A process that fills one kind of memory and says what that took. */
export type Kind = 'table' | 'map' | 'cache' | 'full-cache'

export interface Filling {
  /** By which heap and buffers have grown. */
  readonly bytes: number
  /** Nanoseconds. */
  readonly lookup?: number
  /** What it was told to keep within. */
  readonly limit?: number
}

/** What Pawl reckons with for a token of this size. */
const TOKEN_COST = 1200

// The feed's table alone, as built; through the feed a million sessions would have to exist.
const { createSessionTable }: { createSessionTable: typeof CreateSessionTable } = await import(
  pathToFileURL(resolve('../dist/core/session-table.js')).href
)

const kind = process.argv[2] as Kind
const entries = Number(process.argv[3])

const used = (): number => {
  global.gc!()
  global.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

process.send!(kind === 'table' || kind === 'map' ? ended() : await verified())
process.disconnect()

function ended(): Filling {
  const now = Date.now()
  // Made in advance and kept, so that making them is neither timed nor weighed.
  const ids = Array.from({ length: Math.min(entries, 10_000) }, (_, index) => freshId(index))
  const before = used()
  const filled = kind === 'map' ? asMap(now) : asTable(now)
  // A fresh id each, as the ids of a feed are: what the collection keeps of it is what counts.
  for (let index = 0; index < entries; index++) filled.set(freshId(index))
  const bytes = used() - before
  const lookups = 2_000_000
  const startedAt = performance.now()
  let found = 0
  for (let index = 0; index < lookups; index++) if (filled.has(ids[index % ids.length]!)) found++
  const lookup = ((performance.now() - startedAt) * 1e6) / lookups
  if (found !== lookups) throw new Error('an entry was lost')
  return { bytes, lookup }
}

async function verified(): Promise<Filling> {
  const key = createSecretKey(randomBytes(32))
  const limit = kind === 'cache' ? 2 ** 30 : (entries * TOKEN_COST) / 4
  const sessions = await createSessions({
    store: memory(),
    secret: randomBytes(32),
    keys: { provided: [{ kid: 'bench', algorithm: 'HS256', key }] },
    accessToken: { cacheBytes: limit },
  })
  const { accessToken } = await sessions.create({ userId: 'user-00000000', claims: { role: 'user' } })
  const [header, payload] = accessToken.value.split('.') as [string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  sessions.verify(accessToken.value)
  const before = used()
  for (let index = 0; index < entries; index++) {
    // Of sessions nobody has created: a row each would be weighed with it.
    const sid = Buffer.from(freshId(index).replaceAll('-', ''), 'hex').toString('base64url')
    const sub = `user-${String(index).padStart(8, '0')}`
    const input = `${header}.${Buffer.from(JSON.stringify({ ...claims, sid, sub })).toString('base64url')}`
    const token = `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
    if (sessions.verify(token).userId !== sub) throw new Error('a token is said to be of somebody else')
  }
  const bytes = used() - before
  await sessions.close()
  return { bytes, limit }
}

interface Filled {
  set(id: string): void
  has(id: string): boolean
}

function asTable(now: number): Filled {
  const table = createSessionTable(64 * 1024 * 1024)
  return { set: (id) => void table.set(id, -1, now), has: (id) => table.get(id) !== 0 }
}

function asMap(now: number): Filled {
  const map = new Map<string, { ended: boolean; learnedAt: number }>()
  return {
    set: (id) => void map.set(id, { ended: true, learnedAt: now }),
    has: (id) => map.get(id)?.ended === true,
  }
}

/** As random as a real one to a hash, and made in no time. */
function freshId(index: number): string {
  const hex = (factor: number): string => (Math.imul(index + 1, factor) >>> 0).toString(16).padStart(8, '0')
  const [a, b] = [hex(0x9e3779b1), hex(0x85ebca6b)]
  // Read back from bytes, so that it is one flat string like those the database sends.
  return Buffer.from(`01890a5d-ac96-7${a.slice(0, 3)}-8${a.slice(3, 6)}-${b}${a.slice(4)}`).toString('latin1')
}
