import { describe } from '../../portable/options/check.ts'

/** The kinds of objects that give access to a database. */
export type Kind = keyof typeof KINDS

const KINDS = {
  pool: 'a `pg` Pool',
  client: 'a single `pg` Client',
  postgresJs: 'a client of postgres.js',
  bun: "Bun's SQL",
  neonHttp: "Neon's HTTP function",
  pglite: 'a PGlite',
} as const

/** The option that takes each kind. */
const OPTIONS: Readonly<Partial<Record<Kind, string>>> = {
  pool: 'pool',
  postgresJs: 'sql',
  neonHttp: 'sql',
  pglite: 'pglite',
}

/** @returns `null` for anything that is not known to work */
export function recognize(value: unknown): Kind | null {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return null
  const has = (...names: string[]): boolean =>
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  const { options, waitReady } = value as {
    options?: { host?: unknown }
    waitReady?: unknown
  }
  if (has('unsafe', 'typed', 'begin', 'listen') && Array.isArray(options?.host)) return 'postgresJs'
  if (has('unsafe', 'begin', 'reserve', 'flush')) return 'bun'
  if (has('unsafe', 'query', 'transaction') && typeof value === 'function') return 'neonHttp'
  if (has('query', 'transaction', 'listen', 'exec') && waitReady instanceof Promise) return 'pglite'
  if (!has('connect')) return null
  return 'processID' in value ? 'client' : 'pool'
}

/** For messages: what an option was given instead, and which option takes it. */
export function describeGiven(value: unknown): string {
  const kind = recognize(value)
  if (kind !== null) {
    const option = OPTIONS[kind]
    return option === undefined ? KINDS[kind] : `${KINDS[kind]}, which is for the option \`${option}\``
  }
  const name = typeof value === 'object' && value !== null ? value.constructor?.name : undefined
  return name === undefined || ['Object', 'Array', ''].includes(name)
    ? describe(value)
    : `an instance of ${name}`
}
