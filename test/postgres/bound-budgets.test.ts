import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { dbscVisitor, provingClient } from '../support/device.ts'
import { type Answer, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { watching } from '../support/pools.ts'

const pool = createPool(await createDatabase())
/** A quarter of an hour and a second: every access token has expired, and no turn was a moment ago. */
const EXPIRED = 901

interface Client {
  readonly visitor: Visitor
  refresh(): Promise<Answer>
}

type Kind = 'unbound' | 'dbsc' | 'webcrypto' | 'native'
/** Signs in, and is bound once this resolves. */
const CLIENTS: Readonly<Record<Kind, (site: Site) => Promise<Client>>> = {
  async unbound(site) {
    const visitor = site.visitor()
    await visitor.login()
    return { visitor, refresh: () => visitor.refresh() }
  },
  async dbsc(site) {
    const visitor = dbscVisitor(site)
    await visitor.login()
    await visitor.me()
    return { visitor, refresh: () => visitor.refresh() }
  },
  webcrypto: (site) => proving(site, 'cookie'),
  native: (site) => proving(site, 'bearer'),
}

async function proving(site: Site, mode: 'cookie' | 'bearer'): Promise<Client> {
  const visitor = provingClient(site, mode)
  await visitor.login()
  await visitor.register()
  return { visitor, refresh: () => visitor.refreshWith(visitor.proofFor('refresh', visitor.nonce)) }
}

/** The statements of two refreshes, in which the row turns once, each followed by a request with the new access token. */
async function cycleOf(kind: Kind): Promise<{ sends: string[]; size: number }> {
  const { pool: watched, sent } = watching(pool)
  const site = await openSite(
    {},
    {
      store: postgres({ pool: watched, schema: kind, listen: false }),
      deviceBinding: kind === 'unbound' ? 'off' : 'offer',
      revocation: { pollInterval: 60 },
      privacy: { pruneInterval: null },
    },
  )
  const { visitor, refresh } = await CLIENTS[kind](site)
  // The first answer after the login tells the client what to sign next.
  const sends: string[] = []
  for (let turn = 0; turn < 4; turn++) {
    site.clock.advance(EXPIRED)
    if (turn === 2) sent()
    expect((await refresh()).status).toBe(200)
    expect((await visitor.me()).status).toBe(200)
    await site.sessions.flush()
    if (turn >= 2) sends.push(...sent().map(({ text }) => text.split(/\s/, 1)[0]!))
  }
  const { rows } = await pool.query(`select pg_column_size(s.*) as size from ${kind}.sessions s`)
  return { sends, size: rows[0].size }
}

describe('a bound session', () => {
  it('costs no statement and no read more than an unbound one, and 48 bytes', async () => {
    const unbound = await cycleOf('unbound')
    // The use of the second access token turns the row.
    expect(unbound.sends).toStrictEqual([
      'select',
      'select',
      'begin',
      'set',
      'update',
      'commit',
      'select',
      'select',
      'begin',
      'set',
      'update',
      'commit',
    ])
    for (const kind of ['dbsc', 'webcrypto', 'native'] as const) {
      const { sends, size } = await cycleOf(kind)
      expect(sends).toStrictEqual(['select', 'select', 'update'])
      expect(size - unbound.size).toBeGreaterThan(0)
      expect(size - unbound.size).toBeLessThanOrEqual(48)
    }
  })

  it('is bound once by first proofs that come at the same time', async () => {
    const store = postgres({ pool, schema: 'together', listen: false })
    const site = await openSite({}, { store, deviceBinding: 'offer' })
    const anna = dbscVisitor(site)
    await anna.login()
    const tabs = Array.from({ length: 5 }, () => anna.prove())
    await Promise.all(tabs)
    const { rows } = await pool.query(
      'select encode(device_key, $1) as key, device_kind from together.sessions',
      ['hex'],
    )
    const key = anna.registrations[0]!.device.key.toString('hex')
    expect(rows).toStrictEqual([{ key, device_kind: 'dbsc' }])
    expect(anna.proofs.map(({ status }) => status)).toStrictEqual([200, 200, 200, 200, 200, 200])
  })
})
