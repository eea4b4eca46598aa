import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import { createRevocationTable } from '../../src/core/revocation/revocation-table.ts'
import { argument } from '../harness/processes.ts'

/** 'table' and 'map' hold ended sessions; 'cache' and 'full-cache' hold verified tokens. */
export type Holder = 'table' | 'map' | 'cache' | 'full-cache'

export interface Measurement {
  /** The growth of heap and buffers. */
  readonly bytes: number
  /** Of a lookup; only of ended sessions. */
  readonly nanoseconds?: number
  /** The `accessToken.cacheBytes` in force; only of verified tokens. */
  readonly limit?: number
}

/** Bytes that Pawl reckons with for a token of this size. */
const TOKEN_COST = 1200
const LOOKUPS = 2_000_000

const [holder, entries] = [argument<Holder>(0), argument<number>(1)]
process.send!(holder === 'table' || holder === 'map' ? endedSessions() : await verifiedTokens())
process.disconnect()

function usedMemory(): number {
  globalThis.gc!()
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function endedSessions(): Measurement {
  // Created first and kept, so that neither time nor memory counts them.
  const lookedUp = Array.from({ length: Math.min(entries, 10_000) }, (_, index) => freshId(index))
  const before = usedMemory()
  const { set, has } = holder === 'map' ? inMap() : inTable()
  // Each entry gets a string of its own, as the feed does.
  for (let index = 0; index < entries; index++) set(freshId(index))
  const bytes = usedMemory() - before
  const startedAt = performance.now()
  let found = 0
  for (let index = 0; index < LOOKUPS; index++) if (has(lookedUp[index % lookedUp.length]!)) found++
  const nanoseconds = ((performance.now() - startedAt) * 1e6) / LOOKUPS
  if (found !== LOOKUPS) throw new Error('an entry was lost')
  return { bytes, nanoseconds }
}

function inTable() {
  const now = Date.now()
  const table = createRevocationTable(64 * 1024 * 1024)
  return {
    set: (id: string): unknown => table.set(id, -1, now),
    has: (id: string): boolean => table.get(id) !== 0,
  }
}

function inMap() {
  const now = Date.now()
  const map = new Map<string, { ended: boolean; learnedAt: number }>()
  return {
    set: (id: string): unknown => map.set(id, { ended: true, learnedAt: now }),
    has: (id: string): boolean => map.get(id)?.ended === true,
  }
}

async function verifiedTokens(): Promise<Measurement> {
  const key = createSecretKey(randomBytes(32))
  const limit = holder === 'cache' ? 2 ** 30 : (entries * TOKEN_COST) / 4
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
  const before = usedMemory()
  for (let index = 0; index < entries; index++) {
    // Sessions without a row, because rows in the memory store would count.
    const sid = Buffer.from(freshId(index).replaceAll('-', ''), 'hex').toString('base64url')
    const sub = `user-${String(index).padStart(8, '0')}`
    const input = `${header}.${Buffer.from(JSON.stringify({ ...claims, sid, sub })).toString('base64url')}`
    const token = `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
    if (sessions.verify(token).userId !== sub) throw new Error('verify returned the wrong user')
  }
  const bytes = usedMemory() - before
  await sessions.close()
  return { bytes, limit }
}

/** Spreads in a hash table as a random id does, and is made quickly. */
function freshId(index: number): string {
  const hex = (factor: number): string => (Math.imul(index + 1, factor) >>> 0).toString(16).padStart(8, '0')
  const [a, b] = [hex(0x9e3779b1), hex(0x85ebca6b)]
  // Through a buffer, because V8 would keep the concatenated parts.
  return Buffer.from(`01890a5d-ac96-7${a.slice(0, 3)}-8${a.slice(3, 6)}-${b}${a.slice(4)}`).toString('latin1')
}
