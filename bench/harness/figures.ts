/** A value that was measured once per round. */
export interface Spread {
  readonly median: number
  /** The 10th and the 90th percentile of the rounds. */
  readonly low: number
  readonly high: number
}

/** A bound that a change must keep: one of the two, or none. */
export interface Budget {
  readonly atLeast?: number | undefined
  readonly atMost?: number | undefined
}

/** One measured figure, as `--json` writes it. */
export interface Figure {
  /** Stable, because the picture refers to it: `verify.cached-vs-fast-jwt`. */
  readonly id: string
  readonly what: string
  readonly value: number
  /** Absent if the figure was measured once. */
  readonly spread?: Spread
  readonly unit: '×' | 'ns' | 'µs' | 'ms' | 'B' | 'MB' | '/s' | '%' | ''
  /** Absent if the figure is for information only. */
  readonly budget?: Budget
}

export function figure(
  id: string,
  what: string,
  measured: number | Spread,
  unit: Figure['unit'],
  budget: Budget = {},
): Figure {
  return {
    id,
    what,
    ...(typeof measured === 'number' ? { value: measured } : { value: measured.median, spread: measured }),
    unit,
    ...((budget.atLeast ?? budget.atMost) !== undefined && { budget }),
  }
}

export function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), low: quantile(values, 0.1), high: quantile(values, 0.9) }
}

/** Interpolates between the two nearest values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]!
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at))
}

/** The part of a figure's id that stands for a name. */
export function slug(name: string): string {
  return name.toLowerCase().replaceAll(/\W+/g, '-')
}

/** A budget is lost if nine rounds in ten miss it: one round alone may be noise. */
export function withinBudget({ value, spread, budget = {} }: Figure): boolean {
  const { atLeast = -Infinity, atMost = Infinity } = budget
  return atLeast <= (spread?.high ?? value) && (spread?.low ?? value) <= atMost
}

/** Lost budgets first, then the other budgets. */
export function byBudget(figures: readonly Figure[]): Figure[] {
  const rank = (figure: Figure): number => (!withinBudget(figure) ? 0 : figure.budget === undefined ? 2 : 1)
  return figures.toSorted((a, b) => rank(a) - rank(b))
}

/** The cells of a figure in a table: mark, name, value, rounds, budget. */
export function cellsOf(figure: Figure): string[] {
  const { what, value, unit, spread, budget } = figure
  return [
    budget === undefined ? ' ' : withinBudget(figure) ? '✓' : '✗',
    what,
    `${formatNumber(value)} ${unit}`.trim(),
    spread === undefined ? '' : `${formatNumber(spread.low)} to ${formatNumber(spread.high)}`,
    budget === undefined ? '' : boundOf(budget),
  ]
}

const boundOf = ({ atLeast, atMost }: Budget): string =>
  atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`

export function printFigures(figures: readonly Figure[]): void {
  printTable(byBudget(figures).map(cellsOf))
}

export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

export function formatNumber(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}
