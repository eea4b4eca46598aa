import { diagnose } from '../../../core/doctor/diagnose.ts'
import type { Finding } from '../../../core/doctor/finding.ts'
import type { PostgresStore } from '../../../postgres/index.ts'
import type { Command, Context } from '../../command.ts'
import { checkUrl, withStore } from '../../database.ts'
import { createProgress } from '../../terminal/progress.ts'
import { properties } from '../../terminal/table.ts'
import { withRoles } from '../keys/listed-keys.ts'
import { readFacts } from './facts.ts'
import { statusLines } from './lines.ts'

/** A part that waits for a lock or a dead node occupies its connection for three seconds. */
const MAX_CONNECTIONS = 6

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'Show the schema, keys, sessions and revocations, and whether anything needs attention.',
  details: `Exits with 1 if something needs attention, and says what to do. Above a million sessions, or after two seconds,
estimates of the planner replace the count; --exact counts. With the application's secret in the environment variable
PAWL_SECRET it also checks that the secret decrypts the signing keys. "unknown" marks values that could not be read or estimated in
time, and "not available" those that the database or the role does not offer.`,
  maxArguments: 0,
  options: {
    exact: { help: 'Count the sessions, however many there are.' },
    listen: {
      value: 'url',
      help: 'Try LISTEN there: what the application gives as `listen`. Default: --url.',
    },
  },
  needsDatabase: true,
  examples: ['npx pawl status', 'npx pawl status --exact', 'npx pawl status --json | jq .attention'],
  run(context) {
    const listen = context.flags.value('listen')
    if (listen !== undefined) checkUrl('--listen', listen)
    return withStore(context, (store) => showStatus(context, store), {
      listen: listen ?? true,
      maxConnections: MAX_CONNECTIONS,
    })
  },
}

async function showStatus({ flags, out, interrupted }: Context, store: PostgresStore): Promise<number> {
  const progress = createProgress('counted', out.json)
  const found = await store.status({ exact: flags.has('exact'), onProgress: progress.update })
  progress.end()
  interrupted.throwIfAborted()
  const keys = found.keys === null ? null : withRoles(found.keys, found.at)
  const findings = diagnose(found, await readFacts(store, found.at))
  const notes = findings.filter(({ severity }) => severity === 'note').map(inWords)
  const attention = findings.filter(({ severity }) => severity !== 'note').map(inWords)
  const ok = attention.length === 0
  out.result({ ok, attention, findings, ...found, keys }, () =>
    [
      properties(statusLines(found, keys), out.width),
      ok ? 'Nothing needs attention.' : attention.map(out.prose).join('\n'),
      ...notes.map((note) => out.prose(`Note: ${note}`)),
    ].join('\n\n'),
  )
  return ok ? 0 : 1
}

function inWords({ sentence, remedy }: Finding): string {
  return `${sentence} ${remedy}`
}
