import { counted } from '../../../portable/format.ts'
import type { Command } from '../../command.ts'
import { withMigratedStore } from '../../database.ts'
import { confirmation } from '../../terminal/confirm.ts'

export const keysReset: Command = {
  name: 'keys reset',
  usage: '',
  summary: 'Delete all signing keys, after a leak or when the secret is lost.',
  details: `Within about a minute, every process refuses all access tokens. If the secret stays the same, clients refresh and
their sessions continue. With a new secret, all users sign in again.`,
  maxArguments: 0,
  options: { yes: { help: 'Do not ask for confirmation.' } },
  needsDatabase: true,
  examples: ['npx pawl keys reset', 'npx pawl keys reset --yes --json'],
  async run(context) {
    const confirm = confirmation(context, 'this deletes all signing keys and invalidates every access token')
    return withMigratedStore(context, async (store) => {
      const keys = (await store.keys()).length
      if (keys > 0) {
        await confirm(
          `Delete ${counted(keys, 'signing key')}? All access tokens become invalid. If the secret is new, all users sign in again.`,
        )
      }
      const deleted = await store.deleteKeys(null)
      context.out.result(
        { deleted },
        () =>
          `Deleted ${counted(deleted, 'signing key')}. The application creates a new one when it starts, or within a minute if it is running.`,
      )
      return 0
    })
  },
}
