import type { Algorithm } from '../../../index.ts'
import type { Command } from '../../command.ts'
import { withCreatedSessions, withMigratedStore } from '../../database.ts'
import { Failure, UsageError } from '../../terminal/errors.ts'
import { time } from '../../terminal/format.ts'
import { givenSecrets } from './given-secrets.ts'
import { NO_KEYS } from './listed-keys.ts'

/** Ten years, in seconds: the maximum of `keys.rotationInterval`. */
const MAX_ROTATION_INTERVAL = 3650 * 86_400
/** A day, in seconds: the maximum of `accessToken.lifetime`. */
const MAX_TOKEN_LIFETIME = 86_400

export const keysRotate: Command = {
  name: 'keys rotate',
  usage: '',
  summary: 'Publish the next signing key now. Logs nobody out.',
  details: `The new key signs in ten minutes, after every process has loaded it. The old key verifies for one more day,
the longest possible lifetime of an access token. If a key has leaked, use \`keys reset\` instead.
Needs the application's secret in the environment variable PAWL_SECRET; separate several by commas.`,
  maxArguments: 0,
  options: {},
  needsDatabase: true,
  examples: ['PAWL_SECRET=… npx pawl keys rotate'],
  async run(context) {
    const secret = givenSecrets()
    if (secret.length === 0)
      throw new UsageError(
        "the application's secret is missing. Set the environment variable PAWL_SECRET to it.",
      )
    const algorithm = await withMigratedStore(
      context,
      async (store) => (await store.keys()).at(-1)?.algorithm,
    )
    if (algorithm === undefined) throw new Failure(NO_KEYS)
    return withCreatedSessions(
      context,
      {
        secret,
        // With another algorithm or a shorter interval, opening the keys could already publish one.
        keys: { algorithm: algorithm as Algorithm, rotationInterval: MAX_ROTATION_INTERVAL },
        // Determines how long the old key verifies.
        accessToken: { lifetime: MAX_TOKEN_LIFETIME },
      },
      async (sessions) => {
        const { epoch, kid, signsFrom } = await sessions.keys.rotate()
        context.out.result(
          { epoch, kid, algorithm, signsFrom },
          () => `Published key ${kid} (epoch ${epoch}, ${algorithm}). It signs from ${time(signsFrom)}.`,
        )
        return 0
      },
    )
  },
}
