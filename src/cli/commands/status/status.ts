import type { PostgresStore } from '../../../postgres/index.ts'
import type { Command, Context } from '../../command.ts'
import { checkUrl, withStore } from '../../database.ts'
import { createProgress } from '../../terminal/progress.ts'
import { properties } from '../../terminal/table.ts'
import { withRoles } from '../keys/listed-keys.ts'
import { needsAttention } from './attention.ts'
import { statusLines } from './lines.ts'

/** A part that waits for a lock or a dead node occupies its connection for three seconds. */
const MAX_CONNECTIONS = 4

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'Show the schema, keys, sessions and revocations, and whether anything needs attention.',
  details: `Exits with 1 if something needs attention, and says what to do. Above a million sessions, or after two seconds,
estimates of the planner replace the count; --exact counts. "unknown" marks values that could not be read or estimated in
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
  const attention = needsAttention(found)
  const ok = attention.length === 0
  out.result({ ok, attention, ...found, keys }, () =>
    [
      properties(statusLines(found, keys), out.width),
      ok ? 'Nothing needs attention.' : attention.map(out.prose).join('\n'),
    ].join('\n\n'),
  )
  return ok ? 0 : 1
}
