import type { PostgresStore } from '../../postgres/index.ts'
import type { Command, Context } from '../command.ts'
import { withStore } from '../database.ts'

export const migrate: Command = {
  name: 'migrate',
  usage: '',
  summary: "Create or update Pawl's tables.",
  details: `It creates only what does not exist, so the role needs rights for the missing parts alone: CREATE on the schema
for tables, CREATE on the database for the schema, and the ownership of a table to change it. If a right is missing,
the message says who has to run which statement. If the application connects through a pooler, give the URL of the
database itself. It is safe to repeat, also while the application runs.

--distribute is for the coordinator of a Citus cluster. It also distributes \`sessions\` by its id over the nodes, with the
rows that exist, and makes \`signing_keys\` and \`migrations\` visible to the workers; their rows stay on the coordinator.
Writers wait while the rows move: about half a second for 100,000 sessions. Run it in a quiet minute.`,
  maxArguments: 0,
  options: { distribute: { help: 'On a Citus coordinator: also distribute the tables.' } },
  needsDatabase: true,
  examples: [
    'npx pawl migrate --url postgres://app@db.internal/app',
    'npx pawl migrate --distribute --url postgres://app@coordinator.internal/app',
  ],
  run: (context) =>
    withStore(context, (store) =>
      context.flags.has('distribute') ? distribute(context, store) : migrateOnly(context, store),
    ),
}

async function migrateOnly({ out }: Context, store: PostgresStore): Promise<number> {
  const applied = await store.migrate()
  out.result({ applied }, () => migrated(applied))
  return 0
}

async function distribute({ out }: Context, store: PostgresStore): Promise<number> {
  const { applied, distributed } = await store.distribute()
  out.result({ applied, distributed }, () =>
    [
      migrated(applied),
      ...(distributed.length === 0 ? [ALREADY] : distributed.map((name) => DONE[name]!)),
    ].join('\n'),
  )
  return 0
}

const ALREADY = 'The tables are distributed already.'
const DONE: Readonly<Record<string, string>> = {
  sessions: 'Distributed sessions by id.',
  signing_keys: 'Made signing_keys visible to the workers.',
  migrations: 'Made migrations visible to the workers.',
}

function migrated(applied: readonly number[]): string {
  return applied.length === 0
    ? 'The schema is up to date.'
    : `Applied migration ${applied.join(', ')}. The schema is up to date.`
}
