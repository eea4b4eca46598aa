import { columns, cut, printable } from './text.ts'

const GAP = '  '

/**
 * Rows under their headings, in columns. What is wider than the terminal is cut at its right edge, so the
 * columns that matter most come first.
 *
 * @param width of the terminal; infinite where there is none
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

/** Names and their values, one a line; without those that are `null`. */
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
