/** Functions of PostgreSQL that are not IMMUTABLE and that a store is likely to use. */
const MUTABLE: ReadonlySet<string> = new Set([
  'age',
  'clock_timestamp',
  'date_trunc',
  'extract',
  'gen_random_uuid',
  'now',
  'random',
  'to_timestamp',
])
const VOLATILE = /\b(?:clock_timestamp|gen_random_uuid|nextval|pg_notify|random|uuidv7)\s*\(/
/** Written without parentheses. */
const CURRENT = /\b(?:current_(?:date|time|timestamp)|localtime(?:stamp)?)\b/
const NOT_FUNCTIONS = new Set([
  'all',
  'and',
  'any',
  'case',
  'coalesce',
  'exists',
  'in',
  'not',
  'or',
  'then',
  'when',
])

/**
 * Why Citus refuses a statement on a table that is distributed by `id`, in its words; `null` if it runs it.
 * @param mutable functions that are not IMMUTABLE
 */
export function citusRefusal(text: string, mutable: ReadonlySet<string> = MUTABLE): string | null {
  const sql = text.toLowerCase().replace(/\s+/g, ' ').trim()
  const isMutable = (part: string): boolean =>
    CURRENT.test(part) || callsOf(part).some((name) => mutable.has(name))
  if (/;\s*\S/.test(sql)) return 'cannot insert multiple commands into a prepared statement'
  if (/\bfor (?:no key )?(?:update|share)\b/.test(sql) && !/\bid = \$\d/.test(sql))
    return 'could not run distributed query with FOR UPDATE/SHARE commands'
  if (/^merge\b/.test(sql))
    return 'non-IMMUTABLE functions are not yet supported in MERGE sql with distributed tables'
  if (!/^(?:with .* )?(?:insert|update|delete)\b/.test(sql)) return null

  const [, body = sql, returning = ''] = /^(.*?)(?: returning (.*))?$/.exec(sql) ?? []
  if (isMutable(returning)) return 'non-IMMUTABLE functions are not allowed in the RETURNING clause'
  if (/\bctid\b/.test(sql)) return 'cannot perform distributed planning for the given modification'
  const [, set = '', where = ''] = /\bdo update set (.*?)(?: where (.*))?$/.exec(body) ?? []
  if (isMutable(set))
    return 'functions used in the DO UPDATE SET clause of INSERTs on distributed tables must be marked IMMUTABLE'
  if (isMutable(where))
    return 'functions used in the WHERE clause of the ON CONFLICT clause of INSERTs on distributed tables must be marked IMMUTABLE'
  if (!/^update\b/.test(sql)) return null

  // Citus does not look into a subquery that refers to the row.
  const own = withoutSubqueries(body)
  if (VOLATILE.test(own)) return 'functions used in UPDATE queries on distributed tables must not be VOLATILE'
  const assignments = / set (.*?)(?: from | where |$)/.exec(own)?.[1] ?? ''
  if (/(?:^|, )id = /.test(assignments)) return 'modifying the partition value of rows is not allowed'
  for (const [part] of own.matchAll(/\bcase .*? end\b|\bcoalesce\s*\([^()]*(?:\([^()]*\)[^()]*)*\)/g))
    if (isMutable(part)) return 'non-IMMUTABLE functions are not allowed in CASE or COALESCE statements'
  if (
    /(?<![$\w])[a-z]\w*_at (?:\+|-) |(?<![$\w])[a-z]\w*_at::(?:text|date)/.test(own) ||
    takesColumn(own, mutable)
  )
    return 'STABLE functions used in UPDATE queries cannot be called with column references'
  return null
}

function callsOf(part: string): string[] {
  return [...part.matchAll(/\b([a-z_][a-z0-9_]*)\s*\(/g)]
    .map(([, name]) => name!)
    .filter((name) => !NOT_FUNCTIONS.has(name))
}

/** Whether a function that is not IMMUTABLE gets more than parameters and constants. */
function takesColumn(part: string, mutable: ReadonlySet<string>): boolean {
  return [...part.matchAll(/\b([a-z_][a-z0-9_]*)\s*\(([^()]*)\)/g)].some(
    ([, name, given]) =>
      mutable.has(name!) && /(?<![$:'\w])[a-z_]\w*/.test(given!.replace(/'[^']*'|::\w+/g, '')),
  )
}

/** Removes each `(select …)`. */
function withoutSubqueries(sql: string): string {
  let rest = sql
  for (let start = rest.indexOf('(select '); start >= 0; start = rest.indexOf('(select ')) {
    let depth = 0
    let end = start
    do depth += rest[end] === '(' ? 1 : rest[end] === ')' ? -1 : 0
    while (depth > 0 && ++end < rest.length)
    rest = `${rest.slice(0, start)}null${rest.slice(end + 1)}`
  }
  return rest
}

/** Why Citus refuses to change a distributed table so; `null` if it does not. */
export function citusSchemaRefusal(text: string): string | null {
  const sql = text.toLowerCase().replace(/\s+/g, ' ')
  if (/;\s*\S/.test(sql)) return 'cannot insert multiple commands into a prepared statement'
  if (/\b(?:big)?serial\b|\bgenerated (?:always|by default) as identity\b/.test(sql))
    return 'cannot execute ADD COLUMN commands involving serial pseudotypes when metadata is synchronized to workers'
  if (/\bcreate (?:or replace )?trigger\b/.test(sql))
    return 'triggers are not supported on distributed tables'
  if (/\bunique\b/.test(sql))
    return 'creating unique indexes on non-partition columns is currently unsupported'
  if (/(?<!constraint \w+ )\b(?:primary key|check \(|foreign key)|\breferences\b/.test(sql))
    return 'cannot execute ADD COLUMN command with PRIMARY KEY, UNIQUE, FOREIGN and CHECK constraints'
  if (/\b(?:alter|drop)(?: column)? id\b/.test(sql))
    return 'cannot execute ALTER TABLE command involving partition column'
  return null
}
