import { time } from '../../../portable/format.ts'
import type { Command } from '../../command.ts'
import { applicationSecrets, withApplicationKeys } from '../../database.ts'
import { UsageError } from '../../terminal/errors.ts'

export const keysRotate: Command = {
  name: 'keys rotate',
  usage: '',
  summary: 'Publish the next signing key now. Logs nobody out.',
  details: `The new key signs in ten minutes, after every process has loaded it. The old key verifies for one more day,
the longest possible lifetime of an access token. If a key has leaked, use \`keys reset\` instead.
Needs the application's secret in the environment variable PAWL_SECRET; separate several by commas, in the order of \`secret\`.`,
  maxArguments: 0,
  options: {},
  needsDatabase: true,
  examples: ['PAWL_SECRET=… npx pawl keys rotate'],
  async run(context) {
    const secret = applicationSecrets()
    if (secret.length === 0) {
      throw new UsageError(
        "the application's secret is missing. Set the environment variable PAWL_SECRET to it; separate several by commas, in the order of `secret`.",
      )
    }
    return withApplicationKeys(context, secret, async (sessions) => {
      const { epoch, kid, algorithm, signsFrom } = await sessions.keys.rotate()
      context.out.result(
        { epoch, kid, algorithm, signsFrom },
        () => `Published key ${kid} (epoch ${epoch}, ${algorithm}). It signs from ${time(signsFrom)}.`,
      )
      return 0
    })
  },
}
