import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { createEmbeddedPostgres } from '../demo/embedded-postgres.ts'
import { measureEntries } from './entries.ts'
import { print } from './feed-table.ts'
import { measureRevocation, type RevocationFigures } from './revocation.ts'

/** What `--json` prints. Times in milliseconds. */
export interface FeedFigures {
  readonly processes: number
  readonly cores: number
  readonly node: string
  readonly listening: RevocationFigures
  readonly polling: RevocationFigures
  readonly memory: Awaited<ReturnType<typeof measureEntries>>
}

const PROCESSES = 4

const HELP = `npm run bench:feed -- [options]

How long a revocation takes to be refused by other processes, and what it takes to remember one.

  --json           one JSON object instead of a table
  --revocations N  how many with LISTEN, 20 to 5000 (default 500)
  --entries N      how many are kept in memory, 1000 to 1500000 (default 1000000)
  --help           this

Starts a PostgreSQL of its own, or uses DATABASE_URL (a database it may create a schema in and drop it).
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    revocations: { type: 'string', default: '500' },
    entries: { type: 'string', default: '1000000' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else {
  const figures = await measure(
    wholeNumber('revocations', values.revocations, 20, 5000),
    wholeNumber('entries', values.entries, 1000, 1_500_000),
  )
  process.stdout.write(values.json ? `${JSON.stringify(figures, null, 2)}\n` : print(figures))
}

async function measure(revocations: number, entries: number): Promise<FeedFigures> {
  const memory = await measureEntries(entries)
  const given = process.env['DATABASE_URL']
  const own = given === undefined || given === '' ? await createEmbeddedPostgres() : null
  await own?.start()
  try {
    const url = own?.url ?? given!
    return {
      processes: PROCESSES,
      cores: availableParallelism(),
      node: process.version,
      listening: await measureRevocation(url, { processes: PROCESSES, listen: true, sessions: revocations }),
      // With a poll each second a few are enough to see its shape.
      polling: await measureRevocation(url, {
        processes: PROCESSES,
        listen: false,
        sessions: Math.min(100, revocations),
      }),
      memory,
    }
  } finally {
    await own?.remove()
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  process.stderr.write(`--${name} takes a whole number from ${min} to ${max}\n`)
  process.exit(2)
}
