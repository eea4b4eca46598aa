/** Where a spreadsheet may split a line, whatever separates the cells of this table. It keeps the last choice of its user. */
const SEPARATORS = ',;|\\t\\r\\n'
/**
 * The beginning of a cell that is a formula for a spreadsheet, also after spaces, after quotes and in full width, or that can
 * break out of its cell (OWASP: CSV injection).
 */
const FORMULA = new RegExp(`(?<=^|[${SEPARATORS}])(?=[\\s\\p{Cc}"]*[=+\\-@＝＋－＠])|^(?=[\\t\\r\\n])`, 'gu')
const QUOTED = new RegExp(`["${SEPARATORS}]`)

/**
 * A table as CSV (RFC 4180). Cells that a spreadsheet would compute get an apostrophe, and so does each part of a cell that
 * would be one with another separator.
 */
export function toCsv(rows: readonly (readonly (string | null)[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(value: string | null): string {
  const safe = (value ?? '').replace(FORMULA, "'")
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
