import { byBudget, cellsOf, type Figure, formatNumber, withinBudget } from '../harness/figures.ts'
import type { Table } from './comparison.ts'

/** What bounds a figure that cannot become much better. */
const LIMITS: readonly (readonly [figureId: string, limit: string])[] = [
  [
    'verify.first-vs-least',
    'Two base64url decodings, one HMAC-SHA-256 and `JSON.parse`. No library can do with less, `fast-jwt` neither.',
  ],
  [
    'verify.first-vs-fast-jwt',
    '`fast-jwt` returns the payload as parsed. Pawl checks each field and makes a frozen session of it, with dates.',
  ],
  [
    'http.pawl-on-fastify',
    'A request of Fastify takes so little time that a cookie, a comparison and a clock are a noticeable share of it.',
  ],
  [
    'write.cycle-vs-update',
    'pgbench sends one prepared UPDATE from C. A refresh decides, mints two tokens and verifies two, in JavaScript.',
  ],
  [
    'space.session',
    'Columns, row header and three indexes. The index by user alone takes 39 bytes, and the list of sessions needs it.',
  ],
]

/** Figures without a budget that help to plan, in the words of a reader who has not seen the suites. */
const DETAILS: readonly (readonly [figureId: string, what: string])[] = [
  ['verify.ns.pawl-seen-before', 'Verify a cached access token'],
  ['verify.ns.pawl-first-sight-no-cache', 'Verify an access token for the first time'],
  ['write.per-second.pawl-create', 'Logins per second, 16 at a time'],
  [
    'write.per-second.pawl-refresh-and-first-use',
    'Refreshes with the first use of the new token per second, 16 at a time',
  ],
  ['write.per-second.pawl-revoke', 'Revocations per second, 16 at a time'],
  ['growth.refresh.p50.10000000', 'A refresh among ten million sessions (median)'],
  ['growth.list.p50.10000000', 'The list of sessions of a user, among ten million (median)'],
  [
    'feed.listen.p99',
    'From a revocation to the refusal in three other processes, with LISTEN (99th percentile)',
  ],
  ['feed.poll.p99', 'The same with `pollInterval: 1`, without LISTEN (99th percentile)'],
  [
    'space.plain.after-login',
    'A session on disk after its login, with indexes and 60 bytes of claims, among ten thousand',
  ],
  ['space.plain.after-turns', 'The same after four rotations'],
  ['space.browser.after-login', 'A session with an address and a user agent on disk after its login'],
  ['space.browser.after-turns', 'The same after four rotations'],
  ['space.browser.wal-login', 'Write-ahead log of a login'],
  ['space.browser.wal-turn', 'Write-ahead log of a rotation'],
  ['counts.set-data.wal', 'Write-ahead log of `setData`'],
  ['counts.revoke.wal', 'Write-ahead log of a revocation'],
  ['memory.cache', 'Memory of a cached access token'],
]

/**
 * Replaces the generated parts of a page.
 * @param parts by name: `<!-- NAME: npm run bench:publish -->` to `<!-- end of NAME -->`
 * @throws if the page lacks the markers
 */
export function replaceParts(page: string, parts: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(parts).reduce((text, [name, blocks]) => {
    const [begin, end] = [`<!-- ${name}: npm run bench:publish -->`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from === -1 || to < from) throw new Error(`The page lacks '${begin}' before '${end}'.`)
    return [text.slice(0, from) + begin, ...blocks, text.slice(to)].join('\n\n')
  }, page)
}

export function budgetBlocks(figures: readonly Figure[]): string[] {
  const budgets = byBudget(figures.filter(({ budget }) => budget !== undefined))
  const kept = budgets.filter(withinBudget).length
  return [
    kept === budgets.length
      ? `All ${kept} budgets are kept.`
      : `${kept} of ${budgets.length} budgets are kept. Lost ones come first.`,
    markdown({
      head: ['', 'what', 'measured', 'rounds', 'budget'],
      rows: budgets.map(cellsOf),
    }),
  ]
}

export function limitBlocks(figures: readonly Figure[]): string[] {
  const rows = LIMITS.flatMap(([id, limit]) => {
    const figure = figures.find((one) => one.id === id)
    return figure === undefined ? [] : [[figure.what, `${formatNumber(figure.value)} ${figure.unit}`, limit]]
  })
  return rows.length === 0 ? [] : [markdown({ head: ['what', 'measured', 'the limit'], rows })]
}

export function detailBlocks(figures: readonly Figure[]): string[] {
  const rows = DETAILS.flatMap(([id, what]) => {
    const figure = figures.find((one) => one.id === id)
    return figure === undefined ? [] : [[what, ...cellsOf(figure).slice(2, 4)]]
  })
  return rows.length === 0 ? [] : [markdown({ head: ['what', 'measured', 'rounds'], rows })]
}

export function markdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [head, head.map(() => '---'), ...rows].map(line).join('\n')
}
