import type { Pool } from 'pg'

/** Describes the tables, columns, constraints, indexes and storage options of a schema as text. */
export async function dumpSchema(pool: Pool, schema: string): Promise<string> {
  const rows = async (text: string): Promise<string[]> =>
    (await pool.query<{ line: string }>(text, [schema])).rows.map(({ line }) => line)
  const tables = await rows(
    `select c.relname || coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '') as line
     from pg_class c where c.relnamespace = $1::regnamespace and c.relkind = 'r' order by 1`,
  )
  const columns = await rows(
    `select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || case when a.attnotnull then ' not null' else '' end
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line
     from pg_attribute a join pg_class c on c.oid = a.attrelid
       left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where c.relnamespace = $1::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
     order by c.relname, a.attnum`,
  )
  // PostgreSQL 18 also lists NOT NULL as constraints. The columns already contain it.
  const constraints = await rows(
    `select c.relname || ' ' || n.conname || ' ' || pg_get_constraintdef(n.oid) as line
     from pg_constraint n join pg_class c on c.oid = n.conrelid
     where n.connamespace = $1::regnamespace and n.contype <> 'n' order by 1`,
  )
  const indexes = await rows(
    `select pg_get_indexdef(i.indexrelid) as line from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = $1::regnamespace order by 1`,
  )
  const others = await rows(
    `select 'trigger ' || t.tgname as line from pg_trigger t join pg_class c on c.oid = t.tgrelid
       where c.relnamespace = $1::regnamespace
     union all select 'function ' || proname from pg_proc where pronamespace = $1::regnamespace
     union all select 'relation ' || relname from pg_class
       where relnamespace = $1::regnamespace and relkind not in ('r', 'i') order by 1`,
  )
  const part = (title: string, lines: string[]): string => [`-- ${title}`, ...lines, ''].join('\n')
  return [
    part('tables', tables),
    part('columns', columns),
    part('constraints', constraints),
    part('indexes', indexes),
    part('anything else', others),
  ].join('\n')
}
