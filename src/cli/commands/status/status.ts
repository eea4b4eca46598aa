import type { PostgresStore } from '../../../postgres/index.ts'
import type { Command, Context } from '../../command.ts'
import { checkUrl, withStore } from '../../database.ts'
import { createProgress } from '../../terminal/progress.ts'
import { properties } from '../../terminal/table.ts'
import { listKeys } from '../keys/listed-keys.ts'
import { needsAttention } from './attention.ts'
import { statusLines } from './lines.ts'

export const status: Command = {
  name: 'status',
  usage: '',
  summary: 'Show the schema, keys, sessions and revocations, and whether anything needs attention.',
  details: `Exits with 1 if something needs attention, and says what to do. Above a million sessions the numbers are
estimates; --exact counts. "not available" marks values that the database or the role does not offer.`,
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
    return withStore(context, (store) => showStatus(context, store), listen ?? true)
  },
}

async function showStatus({ flags, out, interrupted }: Context, store: PostgresStore): Promise<number> {
  const progress = createProgress('counted', out.json)
  const found = await store.status({ exact: flags.has('exact'), onProgress: progress.update })
  progress.end()
  interrupted.throwIfAborted()
  const keys = found.schema.missing.length > 0 ? null : await listKeys(store, found.at.getTime())
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
