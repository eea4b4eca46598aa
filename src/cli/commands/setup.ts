import { randomBytes } from 'node:crypto'
import type { Command } from '../command.ts'
import { withStore } from '../database.ts'

export const secret: Command = {
  name: 'secret',
  usage: '',
  summary: 'Print a new secret for the option `secret`.',
  most: 0,
  options: {},
  connects: false,
  examples: ['echo "PAWL_SECRET=$(npx pawl secret)" >> .env'],
  async run({ out }) {
    const value = randomBytes(32).toString('base64url')
    out.result(value, () => value)
    return 0
  },
}

export const migrate: Command = {
  name: 'migrate',
  usage: '',
  summary: 'Create or update the tables, and say what was done.',
  details: `For deployments where the application's role may not create tables, and for a URL past the pooler.
Safe to repeat, and while the application runs.`,
  most: 0,
  options: {},
  connects: true,
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
