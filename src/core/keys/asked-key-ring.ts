import { InvalidOptionsError, isSessionsError } from '../../portable/errors.ts'
import { CALLBACK_WITHIN, within } from '../../portable/within.ts'
import type { Events } from '../observability/events.ts'
import type { Clock } from '../time/clock.ts'
import type { KeyInfo, KeyRing } from './key-ring.ts'
import { checkProvidedKeys, type ProvidedKeySource } from './provided-keys.ts'
import { keysDueBefore } from './retention.ts'
import type { SigningKey } from './signing-key.ts'
import { limitReloads } from './unknown-kid.ts'

const OPTION = 'keys.provided'

interface Entry {
  readonly key: SigningKey
  /** The number of the key, in the order in which this process learned of the keys. */
  readonly epoch: number
  readonly createdAt: number
  readonly signsFrom: number
  /** When the application dropped the key; `null` while it is in the set. */
  readonly droppedAt: number | null
}

/**
 * The keys that a function of the application returns. If it fails later, the last keys go on. A dropped key verifies
 * nothing; this process still uses it to identify sessions, as a retired key of the database.
 * @throws InvalidOptionsError when the function fails, returns no valid keys or does not answer within 10 s
 */
export async function createAskedKeyRing(
  source: ProvidedKeySource,
  clock: Clock,
  events: Events,
): Promise<KeyRing> {
  /** By header, with the dropped keys. */
  let entries: ReadonlyMap<string, Entry> = new Map()
  /** The keys of the set, in its order. */
  let live: readonly Entry[] = []
  let epochs = 0
  let revision = 0
  let asked = 0
  let appliedAsk = 0

  /** @throws InvalidOptionsError */
  async function ask(): Promise<void> {
    const number = ++asked
    const given = await call(source)
    // A call that started earlier may return later.
    if (number < appliedAsk) return
    apply(checkProvidedKeys(OPTION, given))
    appliedAsk = number
  }

  function apply(keys: readonly SigningKey[]): void {
    const now = clock.now()
    for (const key of keys) assertSameMaterial(key, entries.get(key.header)?.key)
    const signedBefore = live[0]?.key.header
    const next = new Map<string, Entry>()
    for (const key of keys) {
      const { epoch = ++epochs, createdAt = now, signsFrom = now } = entries.get(key.header) ?? {}
      const startsSigning = next.size === 0 && key.header !== signedBefore
      // The function `sign` may be another one each time, with new credentials for example.
      next.set(key.header, {
        key,
        epoch,
        createdAt,
        signsFrom: startsSigning ? now : signsFrom,
        droppedAt: null,
      })
    }
    const dropped = [...entries].filter(([header]) => !next.has(header))
    for (const [header, entry] of dropped) next.set(header, { ...entry, droppedAt: entry.droppedAt ?? now })
    const dueBefore = keysDueBefore([...next.values()].map(describe), now)
    for (const [header, { droppedAt }] of next)
      if (droppedAt !== null && droppedAt < dueBefore) next.delete(header)
    entries = next
    live = keys.map(({ header }) => next.get(header)!)
    revision++
    const { key, epoch } = live[0]!
    if (signedBefore !== undefined && key.header !== signedBefore)
      events.emit('keysRotated', { epoch, kid: key.kid, signsFrom: new Date(now) })
  }

  async function reload(): Promise<void> {
    try {
      await ask()
    } catch (error) {
      events.emit('keyTrouble', { epoch: null, error })
    }
  }

  await ask()
  return {
    signer: async () => live[0]!.key,
    find(header) {
      const entry = entries.get(header)
      return entry?.droppedAt === null ? entry.key : undefined
    },
    identify: (header) => entries.get(header)?.key,
    isUnusable: () => false,
    verifiesUntil: (header) => (entries.get(header)?.droppedAt === null ? Number.POSITIVE_INFINITY : 0),
    get revision() {
      return revision
    },
    reloadForUnknownKid: limitReloads(clock, () => void reload()),
    reload,
    list: () => [...entries.values()].map(describe).toSorted((a, b) => a.epoch - b.epoch),
    async rotate() {
      await ask()
      return describe(live[0]!)
    },
    jwks: () => ({ keys: live.flatMap(({ key: { publicJwk } }) => (publicJwk === null ? [] : [publicJwk])) }),
  }
}

async function call(source: ProvidedKeySource): Promise<unknown> {
  try {
    return await within<unknown>(CALLBACK_WITHIN, source, () => {
      throw new Error(`it did not answer within ${CALLBACK_WITHIN / 1000} s`)
    })
  } catch (cause) {
    if (isSessionsError(cause)) throw cause
    throw new InvalidOptionsError(OPTION, `the function of the option \`${OPTION}\` failed`, { cause })
  }
}

/**
 * A token is found in the cache by the header, so a new key under an old `kid` would keep the tokens of the old key alive.
 * @throws InvalidOptionsError
 */
function assertSameMaterial(key: SigningKey, known: SigningKey | undefined): void {
  if (known === undefined || key.material === known.material) return
  throw new InvalidOptionsError(
    OPTION,
    `option \`${OPTION}\` got another key under the known \`kid\` '${key.kid}'; it takes a new \`kid\` for a new key`,
  )
}

function describe({ key, epoch, createdAt, signsFrom, droppedAt }: Entry): KeyInfo {
  return {
    epoch,
    kid: key.kid,
    algorithm: key.algorithm,
    createdAt: new Date(createdAt),
    signsFrom: new Date(signsFrom),
    verifiesUntil: droppedAt === null ? null : new Date(droppedAt),
    usable: droppedAt === null,
  }
}
