import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'

const PAGE = readFileSync('docs/reference/schema.md', 'utf8')
/** What `dumpSchema` writes of a migrated database. */
const SCHEMA = readFileSync('test/postgres/schema.sql', 'utf8')

const SHORT_TYPES: Readonly<Record<string, string>> = { 'timestamp with time zone': 'timestamptz' }

/** `table.column type`, in the order of the database. */
const columns = [...SCHEMA.matchAll(/^(\w+)\.(\w+) (.+?)( not null)?( default .*)?$/gm)].map(
  ([, table, column, type, notNull]) => ({
    table: table!,
    column: column!,
    type: SHORT_TYPES[type!] ?? type!,
    isNullable: notNull === undefined,
  }),
)
const tables = [...new Set(columns.map(({ table }) => table))]
const indexes = [
  ...SCHEMA.matchAll(/^CREATE (?:UNIQUE )?INDEX (\w+) ON \w+\.\w+ USING btree \(([^)]*)\)(.*)$/gm),
]

function rowsBetween(begin: string, end: string): string[][] {
  const table = PAGE.split(begin)[1]?.split(end)[0] ?? ''
  return [...table.matchAll(/^\| `.*$/gm)].map(([line]) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('docs/reference/schema.md', () => {
  it.each(tables)('lists the columns of %s, and which of them can be null', (table) => {
    const listed = rowsBetween(`<!-- columns: ${table} -->`, '<!-- /columns -->').map((cells) => ({
      table,
      column: cells[0]!.replaceAll('`', ''),
      type: /^`(.+?)`/.exec(cells[1]!)![1],
      isNullable: cells[3] !== 'never null',
    }))
    const byName = (one: { column: string }, other: { column: string }): number =>
      one.column < other.column ? -1 : 1
    expect(listed.sort(byName)).toStrictEqual(columns.filter((column) => column.table === table).sort(byName))
  })

  it('lists the indexes with their columns', () => {
    const listed = rowsBetween('<!-- indexes -->', '<!-- /indexes -->').map(([name, on]) => [
      name!.replaceAll('`', ''),
      on!.replaceAll('`', '').replace(/, where .*$/, ' partial'),
    ])
    const actual = indexes.map(([, name, on, where]) => [name!, where === '' ? on! : `${on} partial`])
    expect(listed.sort()).toStrictEqual(actual.sort())
  })

  it('prints examples that run', async () => {
    const pool = createPool(await createDatabase())
    await postgres({ pool }).migrate()
    const section = PAGE.split(/^## /m).find((part) => part.startsWith('Examples'))!
    const printed = [...section.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql!)
    expect(printed).toHaveLength(3)
    for (const sql of printed) await expect(pool.query(sql)).resolves.toHaveProperty('rows')
  })
})
