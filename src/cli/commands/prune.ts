import { counted } from '../../portable/format.ts'
import type { Command } from '../command.ts'
import { withSessions } from '../database.ts'
import { withProgress } from '../terminal/with-progress.ts'

export const prune: Command = {
  name: 'prune',
  usage: '',
  summary: 'Delete rows past their retention.',
  details: `Deletes sessions past their retention (\`privacy.keepEnded\` after their end, 7 days by default), and signing
keys that retired more than 400 days ago. It logs nobody out, so it does not ask for confirmation. Applications do
the same in the background, unless \`privacy.pruneInterval\` is \`null\` or \`serverless\` is set.`,
  maxArguments: 0,
  options: {},
  needsDatabase: true,
  examples: ['npx pawl prune', 'npx pawl prune --json'],
  run: (context) =>
    withSessions(context, async (sessions) => {
      let keys = 0
      sessions.on('pruned', (pruned) => {
        keys = pruned.keys
      })
      const deleted = await withProgress(context, 'deleted', null, (onProgress) =>
        sessions.prune({ onProgress }),
      )
      context.out.result(
        { sessions: deleted, keys },
        () =>
          `Deleted ${counted(deleted, 'session')} and ${counted(keys, 'signing key')} past their retention.`,
      )
      return 0
    }),
}
