import type { Command } from '../command.ts'
import { withSessions } from '../database.ts'
import { several } from '../terminal/text.ts'
import { longWork } from '../terminal/with-progress.ts'

export const prune: Command = {
  name: 'prune',
  usage: '',
  summary: 'Delete rows that are kept for nothing any more.',
  details: `That is: sessions that ended or expired longer ago than \`keepEnded\`, and signing keys that verify nothing
any more. Logs nobody out, so it does not ask. Processes with a \`pruneInterval\` do the same in the background.`,
  most: 0,
  options: {},
  connects: true,
  examples: ['npx pawl prune', 'npx pawl prune --json'],
  run: (context) =>
    withSessions(context, async (sessions) => {
      let keys = 0
      sessions.on('pruned', (pruned) => {
        keys = pruned.keys
      })
      const deleted = await longWork(context, 'deleted', null, (onProgress) => sessions.prune({ onProgress }))
      context.out.result(
        { sessions: deleted, keys },
        () =>
          `Deleted ${several(deleted, 'session')} whose time to be kept is over, and ${several(keys, 'signing key')} that verified nothing any more.`,
      )
      return 0
    }),
}
