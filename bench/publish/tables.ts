import { type Figure, holds, inOrder, shown, targetOf } from '../harness/report.ts'
import type { Measured } from './measured.ts'

const BEGIN = '<!-- figures: npm run bench:publish -->'
const END = '<!-- end of figures -->'

/** By how the ids of their figures begin, in their order. */
const TITLES: Readonly<Record<string, string>> = {
  verify: 'Verifying',
  http: 'Over HTTP',
  write: 'Writing',
  space: 'On disk',
  growth: 'As the table grows',
  memory: 'In memory',
  cookies: 'Cookies',
  counts: 'Asked of the database',
  feed: 'From a revocation to its effect',
}

/**
 * The page with the tables of these figures in the place of those it had.
 * @throws when the page has no place for them
 */
export function withTables(page: string, measured: Measured, notes: readonly string[]): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from === -1 || to < from) throw new Error(`the page has no '${BEGIN}' before '${END}'`)
  return (
    page.slice(0, from) +
    [BEGIN, ...notes, ...tables(measured), ''].join('\n\n').trimEnd() +
    `\n\n${page.slice(to)}`
  )
}

function tables({ figures, quick }: Measured): string[] {
  const aimed = inOrder(figures.filter(({ target }) => target !== undefined))
  const missed = aimed.filter((figure) => !holds(figure)).length
  return [
    ...(quick ? ['**A quick look only: do not believe these figures.**'] : []),
    `### Targets`,
    missed === 0
      ? `All ${aimed.length} hold.`
      : `${aimed.length - missed} of ${aimed.length} hold; those that do not come first.`,
    table(['', 'what', 'measured', 'rounds', 'target'], aimed, (figure) => [
      holds(figure) ? '✓' : '✗',
      ...cellsOf(figure),
      targetOf(figure),
    ]),
    ...Object.entries(TITLES).flatMap(([prefix, title]) => {
      const others = figures.filter(({ id, target }) => target === undefined && id.startsWith(`${prefix}.`))
      return others.length === 0
        ? []
        : [`### ${title}`, table(['what', 'measured', 'rounds'], others, cellsOf)]
    }),
  ]
}

function table(
  head: readonly string[],
  figures: readonly Figure[],
  cells: (figure: Figure) => string[],
): string {
  const row = (of: readonly string[]): string => `| ${of.join(' | ')} |`
  return [row(head), row(head.map(() => '---')), ...figures.map((figure) => row(cells(figure)))].join('\n')
}

function cellsOf({ what, value, unit, spread }: Figure): string[] {
  const rounds = spread === undefined ? '' : `${shown(spread.low)} to ${shown(spread.high)}`
  return [what.replaceAll('|', '\\|'), `${shown(value)} ${unit}`.trim(), rounds]
}
