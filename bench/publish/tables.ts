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

/** Figures without a budget that other pages refer to. */
const DETAILS: readonly string[] = [
  'verify.ns.pawl-seen-before',
  'verify.ns.pawl-first-sight-no-cache',
  'write.per-second.pawl-create',
  'write.per-second.pawl-refresh-and-first-use',
  'write.per-second.pawl-revoke',
  'space.plain.after-login',
  'space.plain.after-turns',
  'space.browser.after-login',
  'space.browser.after-turns',
  'space.browser.wal-login',
  'space.browser.wal-turn',
  'counts.set-data.wal',
  'counts.revoke.wal',
  'memory.cache',
  'feed.listen.p99',
  'feed.poll.p99',
  'growth.refresh.p50.10000000',
  'growth.list.p50.10000000',
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
  const rows = DETAILS.flatMap((id) => {
    const figure = figures.find((one) => one.id === id)
    return figure === undefined ? [] : [cellsOf(figure).slice(1, 4)]
  })
  return rows.length === 0 ? [] : [markdown({ head: ['what', 'measured', 'rounds'], rows })]
}

export function markdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [head, head.map(() => '---'), ...rows].map(line).join('\n')
}
