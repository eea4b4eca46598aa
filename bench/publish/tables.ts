import { byTarget, cellsOf, type Figure, meetsTarget } from '../harness/figures.ts'
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
  const targets = byTarget(figures.filter(({ target }) => target !== undefined))
  const met = targets.filter(meetsTarget).length
  return [
    ...(quick ? ['**Quick run: these figures are not reliable.**'] : []),
    '### Targets',
    met === targets.length
      ? `All ${met} targets are met.`
      : `${met} of ${targets.length} targets are met. Missed targets come first.`,
    table(['', 'what', 'measured', 'rounds', 'target'], targets.map(cells)),
    ...Object.entries(TITLES).flatMap(([suite, title]) => {
      const others = figures.filter(({ id, target }) => target === undefined && id.startsWith(`${suite}.`))
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
