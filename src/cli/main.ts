#!/usr/bin/env node
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { isSessionsError } from '../core/errors.ts'
import { type PostgresStore, postgres } from '../postgres/index.ts'

const HELP = `pawl: session management for Node.js and PostgreSQL

Usage: npx pawl <command> [options]

Commands:
  secret       Print a new secret for the option \`secret\`.
  migrate      Create or update the tables, and say what was done.
  keys reset   Delete all signing keys. For a lost secret: everyone logs in again.

Options:
  --url <url>      PostgreSQL URL. Default: the environment variable DATABASE_URL.
  --schema <name>  Schema of Pawl's tables. Default: pawl.
  --yes            Do not ask before destroying anything.
  --json           Print JSON.
  --help           Show this help.

Examples:
  echo "PAWL_SECRET=$(npx pawl secret)" >> .env
  npx pawl migrate --url postgres://owner@db.internal/app

Exit codes: 0 done, 1 failed, 2 wrong usage.
`

/** Wrong usage: answered with the help and exit code 2. */
class UsageError extends Error {}

interface Flags {
  readonly url: string | undefined
  readonly schema: string
  readonly yes: boolean
  readonly json: boolean
}

async function main(argv: readonly string[]): Promise<void> {
  const { command, flags } = parse(argv)
  switch (command) {
    case 'help':
      process.stdout.write(HELP)
      return
    case 'secret':
      return print(flags, randomBytes(32).toString('base64url'), (secret) => secret)
    case 'migrate':
      return withStore(flags, async (store) => {
        const applied = await store.migrate()
        print(flags, { applied }, () =>
          applied.length === 0
            ? 'The schema is up to date.'
            : `Applied migration ${applied.join(', ')}. The schema is up to date.`,
        )
      })
    case 'keys reset':
      if (!flags.yes) {
        throw new UsageError(
          'this ends every access token and makes refresh tokens of a lost secret useless; repeat it with --yes',
        )
      }
      return withStore(flags, async (store) => {
        const deleted = await store.deleteKeys(null)
        print(
          flags,
          { deleted },
          () => `Deleted ${deleted} signing key(s). The next start of the application makes a new one.`,
        )
      })
    default:
      throw new UsageError(command === '' ? 'a command is missing' : `unknown command '${command}'`)
  }
}

function parse(argv: readonly string[]): { command: string; flags: Flags } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        schema: { type: 'string', default: 'pawl' },
        yes: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const { url, schema, yes, json } = values
    return { command: values.help ? 'help' : positionals.join(' '), flags: { url, schema, yes, json } }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

async function withStore(flags: Flags, work: (store: PostgresStore) => Promise<void>): Promise<void> {
  const connectionString = flags.url ?? process.env['DATABASE_URL']
  if (connectionString === undefined || connectionString === '') {
    throw new UsageError('which database? Give --url, or set DATABASE_URL')
  }
  const store = postgres({ connectionString, schema: flags.schema, migrate: false })
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

function print<T>({ json }: Flags, value: T, words: (value: T) => string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : words(value)}\n`)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const usage = error instanceof UsageError
  const known = usage || isSessionsError(error)
  process.stderr.write(`pawl: ${known ? (error as Error).message : String(error)}\n`)
  if (usage) process.stderr.write('Run `npx pawl --help` for help.\n')
  process.exitCode = usage ? 2 : 1
})
