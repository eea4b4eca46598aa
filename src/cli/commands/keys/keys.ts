import type { Algorithm } from '../../../index.ts'
import type { Command } from '../../command.ts'
import { withOpened, withReadyStore } from '../../database.ts'
import { confirmation } from '../../terminal/confirm.ts'
import { Failure, UsageError } from '../../terminal/errors.ts'
import { table } from '../../terminal/table.ts'
import { several, time, timeAgo } from '../../terminal/text.ts'
import { listKeys } from './listed-keys.ts'

const ROLES = {
  signs: 'signs now',
  next: 'next',
  verifies: 'still verifies',
  retired: 'retired',
} as const

const NO_KEYS =
  'There are no signing keys. The application makes the first one when it starts, unless it brings its own as `keys.provided`.'

export const keysList: Command = {
  name: 'keys list',
  usage: '',
  summary: 'List the signing keys: which one signs, which is next, which still verify.',
  details: 'Needs no secret: never shows, and cannot open, the keys themselves.',
  most: 0,
  options: {},
  connects: true,
  examples: ['npx pawl keys list'],
  run: (context) =>
    withReadyStore(context, async (store) => {
      const now = new Date((await store.time()) ?? Date.now())
      const keys = await listKeys(store, now.getTime())
      context.out.result({ keys }, () =>
        keys.length === 0
          ? NO_KEYS
          : table(
              ['epoch', 'kid', 'algorithm', 'state', 'signs from', 'verifies until', 'created'],
              keys.map((key) => [
                String(key.epoch),
                key.kid,
                key.algorithm,
                ROLES[key.role],
                timeAgo(key.signsFrom, now),
                key.verifiesUntil === null ? 'it is replaced' : timeAgo(key.verifiesUntil, now),
                time(key.createdAt),
              ]),
              context.out.width,
            ),
      )
      return 0
    }),
}

export const keysRotate: Command = {
  name: 'keys rotate',
  usage: '',
  summary: 'Publish the next signing key now. Logs nobody out.',
  details: `It signs in ten minutes, once every process has loaded it. The key before it verifies for a day longer, as
the longest access token there can be lives that long; against a key that has leaked use \`keys reset\`.
Needs the application's secret in the environment variable PAWL_SECRET, several separated by commas.`,
  most: 0,
  options: {},
  connects: true,
  examples: ['PAWL_SECRET=… npx pawl keys rotate'],
  async run(context) {
    const secret = secrets()
    const algorithm = await withReadyStore(context, async (store) => (await store.keys()).at(-1)?.algorithm)
    if (algorithm === undefined) throw new Failure(NO_KEYS)
    return withOpened(
      context,
      {
        secret,
        // Opening the keys publishes one by itself where another algorithm is wanted or the next one is due,
        // and how often that is only the application knows.
        keys: { algorithm: algorithm as Algorithm, rotationInterval: LONGEST_INTERVAL },
        // Decides how long the old key verifies.
        accessToken: { lifetime: LONGEST_LIFETIME },
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

/** Ten years, in seconds: the longest there is. */
const LONGEST_INTERVAL = 3650 * 86_400
/** A day, in seconds: the longest there is. */
const LONGEST_LIFETIME = 86_400

export const keysReset: Command = {
  name: 'keys reset',
  usage: '',
  summary: 'Delete all signing keys: for a lost secret, or a key that has leaked.',
  details: `Every access token is refused as soon as the processes have noticed, within about a minute. Sessions go on
where the secret is still the same: clients refresh. With a new secret everyone logs in again.`,
  most: 0,
  options: { yes: { help: 'Do not ask.' } },
  connects: true,
  examples: ['npx pawl keys reset', 'npx pawl keys reset --yes --json'],
  async run(context) {
    const confirm = confirmation(
      context,
      'this ends every access token and makes refresh tokens of a lost secret useless',
    )
    return withReadyStore(context, async (store) => {
      const keys = (await store.keys()).length
      if (keys > 0) {
        await confirm(
          `Delete ${several(keys, 'signing key')}? Every access token ends; with a lost secret everyone logs in again.`,
        )
      }
      const deleted = await store.deleteKeys(null)
      context.out.result(
        { deleted },
        () =>
          `Deleted ${several(deleted, 'signing key')}. The application makes a new one at its next start, or within a minute if it runs.`,
      )
      return 0
    })
  },
}

/** @throws UsageError */
function secrets(): string[] {
  const given = (process.env['PAWL_SECRET'] ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '')
  if (given.length === 0) {
    throw new UsageError("this takes the application's secret in the environment variable PAWL_SECRET")
  }
  return given
}
