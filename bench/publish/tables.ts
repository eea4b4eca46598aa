import { byBudget, cellsOf, type Figure, withinBudget } from '../harness/figures.ts'
import type { Results } from './results.ts'

const BEGIN = '<!-- figures: npm run bench:publish -->'
const END = '<!-- end of figures -->'

/** By suite, in the order of the page. */
const TITLES: Readonly<Record<string, string>> = {
  verify: 'Verifying',
  http: 'Over HTTP',
  write: 'Writing',
  space: 'On disk',
  growth: 'As the table grows',
  memory: 'In memory',
  start: 'Cold start',
  cookies: 'Cookies',
  counts: 'Database work of each call',
  feed: 'Delay of a revocation',
  fleet: 'In a large fleet',
}

/** Replaces the tables of a page. @throws if the page lacks the markers */
export function replaceTables(page: string, results: Results, notes: readonly string[]): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from === -1 || to < from) throw new Error(`The page lacks '${BEGIN}' before '${END}'.`)
  return [page.slice(0, from) + BEGIN, ...notes, ...tables(results), page.slice(to)].join('\n\n')
}

function tables({ figures, quick }: Results): string[] {
  const budgets = byBudget(figures.filter(({ budget }) => budget !== undefined))
  const met = budgets.filter(withinBudget).length
  return [
    ...(quick ? ['**Quick run: these figures are not reliable.**'] : []),
    '### Targets',
    met === budgets.length
      ? `All ${met} budgets are met.`
      : `${met} of ${budgets.length} budgets are met. Missed budgets come first.`,
    table(['', 'what', 'measured', 'rounds', 'budget'], budgets.map(cells)),
    ...Object.entries(TITLES).flatMap(([suite, title]) => {
      const others = figures.filter(({ id, budget }) => budget === undefined && id.startsWith(`${suite}.`))
      const rows = others.map((figure) => cells(figure).slice(1, 4))
      return others.length === 0 ? [] : [`### ${title}`, table(['what', 'measured', 'rounds'], rows)]
    }),
  ]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [head, head.map(() => '---'), ...rows].map(line).join('\n')
}

const cells = (figure: Figure): string[] => cellsOf(figure).map((cell) => cell.replaceAll('|', '\\|'))
