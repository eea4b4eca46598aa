import pg from 'pg'
import { postgres } from '../src/postgres/index.ts'
const pool = new pg.Pool({ connectionString: process.argv[2]!, max: 10 })
pool.on('error', () => {})
const store = postgres({ pool, listen: false })
const i = store.inspect!
async function t(name: string, f: () => Promise<unknown>, show = (x: any) => x): Promise<void> {
  const times: number[] = []
  let r: unknown
  for (let n = 0; n < 6; n++) { const a = performance.now(); r = await f(); times.push(Math.round(performance.now() - a)) }
  console.log(name, times.join(' '), JSON.stringify(show(r))?.slice(0, 700))
}
const at = Date.now()
for (const d of [7, 14, 30, 90]) await t(`overview ${d}`, () => i.overview(at, d), (o) => [o.active, o.days.slice(-3)])
await t('reuse', () => i.reuse(null, 100), (r) => [r.found.length, r.found[0], new Date(r.searchedBackTo), r.next])
const first = await i.reuse(null, 5)
await t('reuse next', () => i.reuse(first.next, 100), (r) => [r.found.length, r.next])
for (const p of ['', 'user-0000', 'user-00001234', 'zzz', 'a']) await t(`findUsers ${p}`, () => i.findUsers(p, null, 20), (r) => [r.userIds.length, r.userIds.slice(0, 2), r.complete, r.next])
await t('status', () => i.status(), (s) => [s.table, s.vacuum, s.notifications, s.unknown])
await t('list 50', () => store.listByUser('user-00001234', { activeAt: null, after: null, limit: 50 }), (r) => r.length)
await pool.end()
