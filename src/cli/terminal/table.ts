import { printable } from '../../portable/printable.ts'
import { columns, cut } from './text.ts'

const GAP = '  '

/**
 * Rows under their headings, in columns. Lines are cut at the right edge of the terminal, so the most
 * important columns come first.
 *
 * @param width of the terminal; infinite without a terminal
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = headings.map((heading, column) =>
    Math.max(columns(heading), ...cells.map((row) => columns(row[column]!))),
  )
  const line = (row: readonly string[]): string =>
    cut(
      row
        .map((cell, column) => padded(cell, widths[column]!))
        .join(GAP)
        .trimEnd(),
      width,
    )
  return [line(headings), line(widths.map((wide) => '-'.repeat(wide))), ...cells.map(line)].join('\n')
}

/** Names and values, one pair a line. Pairs whose value is `null` are left out. */
export function properties(entries: readonly (readonly [string, string | null])[], width: number): string {
  const shown = entries.filter((entry): entry is readonly [string, string] => entry[1] !== null)
  const widest = Math.max(...shown.map(([name]) => columns(name)))
  return shown
    .map(([name, value]) => cut(`${padded(name, widest)}${GAP}${printable(value)}`, width))
    .join('\n')
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columns(text)))
}
