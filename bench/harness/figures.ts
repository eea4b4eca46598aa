/** A value that was measured once per round. */
export interface Spread {
  readonly median: number
  /** The 10th and the 90th percentile of the rounds. */
  readonly low: number
  readonly high: number
}

/** One of the two bounds, or none. */
export interface Target {
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
  readonly unit: '×' | 'ns' | 'µs' | 'ms' | 'B' | '/s' | '%' | ''
  /** Absent if the figure is for information only. */
  readonly target?: Target
}

export function figure(
  id: string,
  what: string,
  measured: number | Spread,
  unit: Figure['unit'],
  target: Target = {},
): Figure {
  return {
    id,
    what,
    ...(typeof measured === 'number' ? { value: measured } : { value: measured.median, spread: measured }),
    unit,
    ...((target.atLeast ?? target.atMost) !== undefined && { target }),
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

export function meetsTarget({ value, target = {} }: Figure): boolean {
  const { atLeast = -Infinity, atMost = Infinity } = target
  return atLeast <= value && value <= atMost
}

/** Missed targets first, then the other targets. */
export function byTarget(figures: readonly Figure[]): Figure[] {
  const rank = (figure: Figure): number => (!meetsTarget(figure) ? 0 : figure.target === undefined ? 2 : 1)
  return figures.toSorted((a, b) => rank(a) - rank(b))
}

/** The cells of a figure in a table: mark, name, value, rounds, target. */
export function cellsOf(figure: Figure): string[] {
  const { what, value, unit, spread, target } = figure
  return [
    target === undefined ? ' ' : meetsTarget(figure) ? '✓' : '✗',
    what,
    `${formatNumber(value)} ${unit}`.trim(),
    spread === undefined ? '' : `${formatNumber(spread.low)} to ${formatNumber(spread.high)}`,
    target === undefined ? '' : boundOf(target),
  ]
}

const boundOf = ({ atLeast, atMost }: Target): string =>
  atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`

export function printFigures(figures: readonly Figure[]): void {
  const rows = byTarget(figures).map(cellsOf)
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
