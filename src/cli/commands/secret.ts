import { randomBytes } from 'node:crypto'
import type { Command } from '../command.ts'

export const secret: Command = {
  name: 'secret',
  usage: '',
  summary: 'Print a new secret for the option `secret`.',
  maxArguments: 0,
  options: {},
  needsDatabase: false,
  examples: ['echo "PAWL_SECRET=$(npx pawl secret)" >> .env'],
  async run({ out }) {
    const value = randomBytes(32).toString('base64url')
    out.result(value, () => value)
    return 0
  },
}
