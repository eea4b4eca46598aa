import type { Command } from '../command.ts'
import { withStore } from '../database.ts'

export const migrate: Command = {
  name: 'migrate',
  usage: '',
  summary: "Create or update Pawl's tables.",
  details: `It creates only what does not exist, so the role needs rights for the missing parts alone: CREATE on the schema
for tables, CREATE on the database for the schema, and the ownership of a table to change it. If a right is missing,
the message says who has to run which statement. If the application connects through a pooler, give the URL of the
database itself. It is safe to repeat, also while the application runs.`,
  maxArguments: 0,
  options: {},
  needsDatabase: true,
  examples: ['npx pawl migrate --url postgres://app@db.internal/app'],
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
