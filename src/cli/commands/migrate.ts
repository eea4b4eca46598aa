import type { Command } from '../command.ts'
import { withStore } from '../database.ts'

export const migrate: Command = {
  name: 'migrate',
  usage: '',
  summary: "Create or update Pawl's tables.",
  details: `Use it if the application's database role may not create tables, or if the application connects through a
pooler: give the URL of the database itself. It is safe to repeat, also while the application runs.`,
  maxArguments: 0,
  options: {},
  needsDatabase: true,
  examples: ['npx pawl migrate --url postgres://owner@db.internal/app'],
  run: (context) =>
    withStore(context, async (store) => {
      const applied = await store.migrate()
      context.out.result({ applied }, () =>
        applied.length === 0
          ? 'The schema is up to date.'
          : `Applied migration ${applied.join(', ')}. The schema is up to date.`,
      )
      return 0
    }),
}
