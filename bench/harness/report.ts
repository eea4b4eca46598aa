import type { Spread } from './rounds.ts'

/** One published figure. */
export interface Figure {
  /** Stable: `verify.cached-vs-fast-jwt`. */
  readonly id: string
  readonly what: string
  readonly value: number
  /** Where the middle four fifths of the rounds lay. */
  readonly spread?: Spread
  readonly unit: '×' | 'ns' | 'µs' | 'ms' | 'B' | '/s' | '%' | ''
  /** Absent: for information. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number }
}

type Of = Omit<Figure, 'value' | 'spread' | 'id' | 'what'>

/** A figure that was measured once a round. */
export function figure(id: string, what: string, spread: Spread, rest: Of): Figure {
  return { id, what, value: spread.median, spread, ...rest }
}

export function holds({ value, target }: Figure): boolean {
  if (target === undefined) return true
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
}

/** What misses its target comes first. */
export function inOrder(figures: readonly Figure[]): Figure[] {
  const rank = (figure: Figure): number => (!holds(figure) ? 0 : figure.target === undefined ? 2 : 1)
  return figures.toSorted((a, b) => rank(a) - rank(b))
}

export function printFigures(figures: readonly Figure[]): void {
  const rows = inOrder(figures).map((figure) => [
    figure.target === undefined ? ' ' : holds(figure) ? '✓' : '✗',
    figure.what,
    `${shown(figure.value)} ${figure.unit}`.trim(),
    figure.spread === undefined ? '' : `${shown(figure.spread.low)} to ${shown(figure.spread.high)}`,
    targetOf(figure),
  ])
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  )
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

export function targetOf({ target }: Figure): string {
  if (target === undefined) return ''
  return 'atLeast' in target ? `at least ${target.atLeast}` : `at most ${target.atMost}`
}

export function shown(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
