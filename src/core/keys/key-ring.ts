import type { JsonWebKey } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { SecretUnknownError } from '../../portable/errors.ts'
import { ALGORITHMS, type Algorithm } from '../../portable/token-header.ts'
import type { Events } from '../observability/events.ts'
import type { KeyRow, Store } from '../store.ts'
import type { Clock } from '../time/clock.ts'
import { type KeyPlace, unwrapKey, wrapKey } from './key-wrap.ts'
import type { Secrets } from './secrets.ts'
import { generateKeyMaterial, type SigningKey, signingKeyFromMaterial } from './signing-key.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** A process signs only with a key it has seen in the table this recently. */
const SEEN_WITHIN = 5 * MINUTE
/** A key is published this long before it signs, so that every process has loaded it by then. */
const PUBLISH_AHEAD = 10 * MINUTE
/** After an unknown `kid`, look again at most this often. */
const UNKNOWN_KID_PAUSE = 10 * SECOND

/** A signing key as {@link Sessions.keys} lists it. Never holds key material. */
export interface KeyInfo {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly createdAt: Date
  readonly signsFrom: Date
  /** `null` while no later key is known. */
  readonly verifiesUntil: Date | null
  /** Whether this process can open it with its secrets. */
  readonly usable: boolean
}

export interface JsonWebKeySet {
  readonly keys: JsonWebKey[]
}

/** The keys that sign and verify access tokens. */
export interface KeyRing {
  /** The key to sign with now. @throws StoreUnavailableError when the table was not seen lately and cannot be */
  signer(): Promise<SigningKey>
  /** The live key whose tokens have this header. */
  find(header: string): SigningKey | undefined
  /** Until when tokens with this header are verified, in ms; 0 where no key has it. */
  verifiesUntil(header: string): number
  /** Raised whenever the keys may have changed. */
  readonly loads: number
  /** Tells of a header nobody here knows: another process may have made a key. */
  lookAgain(): void
  /** Reads the table and publishes the next key when it is due. */
  reload(): Promise<void>
  list(): KeyInfo[]
  rotate(): Promise<KeyInfo>
  jwks(): JsonWebKeySet
}

export interface KeyRingSettings {
  readonly algorithm: Algorithm
  /** Milliseconds. */
  readonly rotationInterval: number
  /** Longest life of an access token, milliseconds. */
  readonly tokenLifetime: number
}

interface Entry {
  readonly row: KeyRow
  readonly key: SigningKey | null
  readonly retiresAt: number
}

/**
 * Keys by epoch. Whoever notices first that the next key is due inserts it, `on conflict do nothing`,
 * and everybody reads back the winner: no lock, no leader, and no epoch's key is ever replaced.
 */
export async function createKeyRing(
  store: Store,
  secrets: Secrets,
  clock: Clock,
  events: Events,
  settings: KeyRingSettings,
): Promise<KeyRing> {
  let entries: readonly Entry[] = []
  let byHeader: ReadonlyMap<string, Entry> = new Map()
  let loads = 0
  let seenAt = Number.NEGATIVE_INFINITY
  let lookedAgainAt = Number.NEGATIVE_INFINITY
  const opened = new Map<string, SigningKey | null>()
  const ahead = Math.min(PUBLISH_AHEAD, settings.rotationInterval / 2)

  const place = (row: Pick<KeyRow, 'epoch' | 'kid' | 'algorithm'>): KeyPlace => ({
    realm: store.realm,
    epoch: row.epoch,
    kid: row.kid,
    algorithm: row.algorithm,
  })

  function open(row: KeyRow): SigningKey | null {
    const known = opened.get(row.kid)
    if (known !== undefined) return known
    let key: SigningKey | null = null
    try {
      const material = isAlgorithm(row.algorithm) ? unwrapKey(secrets, place(row), row.wrappedKey) : null
      if (material !== null) key = signingKeyFromMaterial(row.kid, row.algorithm as Algorithm, material)
      if (key === null) {
        throw new SecretUnknownError(
          "a signing key in the database does not open with this process's `secret`",
        )
      }
    } catch (error) {
      events.emit('keyTrouble', { epoch: row.epoch, error })
    }
    opened.set(row.kid, key)
    return key
  }

  async function read(): Promise<void> {
    const readAt = clock.now()
    const rows = (await store.keys()).toSorted((a, b) => a.epoch - b.epoch)
    entries = rows.map((row, index) => {
      const next = rows[index + 1]
      const retiresAt =
        row.verifiesUntil ??
        (next === undefined ? Number.POSITIVE_INFINITY : next.signsFrom + settings.tokenLifetime + MINUTE)
      return { row, key: retiresAt > readAt ? open(row) : null, retiresAt }
    })
    byHeader = new Map(entries.flatMap((entry) => (entry.key === null ? [] : [[entry.key.header, entry]])))
    loads++
    seenAt = readAt
    for (const { row, retiresAt } of entries) {
      if (row.verifiesUntil === null && Number.isFinite(retiresAt))
        await store.retireKey(row.epoch, retiresAt)
    }
  }

  async function publish(signsFrom: number): Promise<void> {
    const newest = entries.at(-1)?.row
    const row = {
      epoch: (newest?.epoch ?? 0) + 1,
      kid: randomBytes(6).toString('base64url'),
      algorithm: settings.algorithm,
    }
    await store.insertKey({
      ...row,
      wrappedKey: wrapKey(secrets[0], place(row), generateKeyMaterial(settings.algorithm)),
      createdAt: clock.now(),
      signsFrom,
      verifiesUntil: null,
    })
    await read()
    const winner = entries.find((entry) => entry.row.epoch === row.epoch)
    if (winner !== undefined) {
      events.emit('keysRotated', {
        epoch: row.epoch,
        kid: winner.row.kid,
        signsFrom: new Date(winner.row.signsFrom),
      })
    }
  }

  async function reload(): Promise<void> {
    await read()
    const newest = entries.at(-1)
    const now = clock.now()
    const due = newest === undefined ? now : newest.row.signsFrom + settings.rotationInterval
    if (newest !== undefined && now < due - ahead) return
    try {
      await publish(newest === undefined ? now : Math.max(due, now + ahead))
    } catch (error) {
      // A failed rotation is no outage: the old key keeps signing and the next reload tries again.
      if (newest === undefined) throw error
      events.emit('keyTrouble', { epoch: newest.row.epoch + 1, error })
    }
  }

  let reloading: Promise<void> | null = null
  const reloadOnce = (): Promise<void> => {
    reloading ??= reload().finally(() => {
      reloading = null
    })
    return reloading
  }

  // Before anything is published: a key made under the wrong secret would lock out the right one.
  await read()
  const live = entries.filter((entry) => entry.retiresAt > clock.now())
  if (live.length > 0 && live.every((entry) => entry.key === null)) {
    throw new SecretUnknownError(
      'option `secret` opens none of the signing keys in the database, so it differs from the one they were made with. ' +
        'Start with that secret, or with both as `secret: [new, old]`. If it is lost, `npx pawl keys reset` starts afresh: everyone logs in again',
    )
  }
  await reload()
  // A changed `algorithm` takes effect at start only, or a half-deployed fleet would rotate to and fro.
  if (entries.at(-1)?.row.algorithm !== settings.algorithm) await publish(clock.now() + ahead)

  return {
    async signer() {
      if (clock.now() - seenAt > SEEN_WITHIN) await reloadOnce()
      const now = clock.now()
      const usable = entries.filter((entry) => entry.key !== null)
      const due = usable.findLast((entry) => entry.row.signsFrom <= now) ?? usable[0]
      if (due?.key == null)
        throw new SecretUnknownError(
          "none of the signing keys in the database opens with this process's `secret`",
        )
      return due.key
    },
    find(header) {
      const entry = byHeader.get(header)
      return entry !== undefined && entry.retiresAt > clock.now() ? (entry.key ?? undefined) : undefined
    },
    verifiesUntil: (header) => byHeader.get(header)?.retiresAt ?? 0,
    get loads() {
      return loads
    },
    lookAgain() {
      const now = clock.now()
      if (now - lookedAgainAt < UNKNOWN_KID_PAUSE) return
      lookedAgainAt = now
      reloadOnce().catch((error: unknown) => events.emit('storeUnavailable', { operation: 'keys', error }))
    },
    reload: reloadOnce,
    list: () => entries.map(describe),
    async rotate() {
      await read()
      await publish(clock.now() + ahead)
      return describe(entries.at(-1)!)
    },
    jwks: () => ({
      keys: entries.flatMap(({ key, retiresAt }) =>
        key?.publicJwk != null && retiresAt > clock.now() ? [key.publicJwk] : [],
      ),
    }),
  }
}

/** A ring of keys the application brought: the first signs, all verify, nothing rotates by itself. */
export function createProvidedKeyRing(keys: readonly [SigningKey, ...SigningKey[]]): KeyRing {
  const byHeader = new Map(keys.map((key) => [key.header, key]))
  return {
    signer: async () => keys[0],
    find: (header) => byHeader.get(header),
    verifiesUntil: (header) => (byHeader.has(header) ? Number.POSITIVE_INFINITY : 0),
    loads: 0,
    lookAgain() {},
    async reload() {},
    list: () => [],
    rotate: () =>
      Promise.reject(new TypeError('keys given as `keys.provided` are rotated by changing that option')),
    jwks: () => ({ keys: keys.flatMap((key) => (key.publicJwk === null ? [] : [key.publicJwk])) }),
  }
}

function isAlgorithm(name: string): name is Algorithm {
  return (ALGORITHMS as readonly string[]).includes(name)
}

function describe({ row, key, retiresAt }: Entry): KeyInfo {
  return {
    epoch: row.epoch,
    kid: row.kid,
    algorithm: row.algorithm,
    createdAt: new Date(row.createdAt),
    signsFrom: new Date(row.signsFrom),
    verifiesUntil: Number.isFinite(retiresAt) ? new Date(retiresAt) : null,
    usable: key !== null,
  }
}
