import { randomBytes } from 'node:crypto'
import { SecretUnknownError, StoreUnavailableError } from '../../portable/errors.ts'
import { type Algorithm, encodeHeader, isAlgorithm, kidOf } from '../../portable/token-header.ts'
import { reportBackgroundError } from '../observability/background-errors.ts'
import type { Events } from '../observability/events.ts'
import type { KeyRow, Store } from '../store.ts'
import type { Clock } from '../time/clock.ts'
import type { KeyInfo, KeyRing } from './key-ring.ts'
import { isReadable, type KeyPlace, unwrapKey, wrapKey } from './key-wrap.ts'
import type { Secrets } from './secrets.ts'
import { generateKeyMaterial, type SigningKey, signingKeyFromMaterial } from './signing-key.ts'
import { limitReloads } from './unknown-kid.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** A process signs only while it has read the key table this recently. */
const MAX_TABLE_AGE = 5 * MINUTE
/** A key is published this long before it signs, so that every process has loaded it by then. */
const PUBLISH_AHEAD = 10 * MINUTE
/** A replaced key verifies this much longer than the last token it may have signed. */
const RETIRE_SLACK = MINUTE

export interface KeyRingSettings {
  readonly algorithm: Algorithm
  /** Milliseconds. */
  readonly rotationInterval: number
  /** Longest lifetime of an access token, in ms. */
  readonly tokenLifetime: number
}

interface Entry {
  readonly row: KeyRow
  readonly header: string
  /** `null` when the key is retired, or none of the secrets decrypts it. */
  readonly key: SigningKey | null
  readonly retiresAt: number
}

/**
 * The keys in the database, numbered by epoch. The first process that finds the next key due inserts it; if several
 * do, the database keeps the first row of the epoch and all processes read that one. So rotation needs no lock.
 * A process that only reads follows the keys, and neither inserts nor retires one.
 * @throws SecretUnknownError when the secrets decrypt none of the keys
 * @throws StoreUnavailableError
 */
export async function createStoredKeyRing(
  store: Store,
  secrets: Secrets,
  clock: Clock,
  events: Events,
  settings: KeyRingSettings,
): Promise<KeyRing> {
  let entries: readonly Entry[] = []
  /** Retired keys too. */
  let byHeader: ReadonlyMap<string, Entry> = new Map()
  let revision = 0
  let readAt = Number.NEGATIVE_INFINITY
  let reloading: Promise<void> | null = null
  const decrypted = new Map<string, SigningKey | null>()
  const publishAhead = Math.min(PUBLISH_AHEAD, settings.rotationInterval / 2)

  const place = (row: Pick<KeyRow, 'epoch' | 'kid' | 'algorithm'>): KeyPlace => ({
    realm: store.realm,
    epoch: row.epoch,
    kid: row.kid,
    algorithm: row.algorithm,
  })

  function decrypt(row: KeyRow, onFailure: (error: unknown) => void): SigningKey | null {
    const known = decrypted.get(row.kid)
    if (known !== undefined) return known
    let key: SigningKey | null = null
    try {
      const { kid, algorithm } = row
      if (isOfLaterRelease(row))
        throw new SecretUnknownError(
          `a later release of Pawl made a signing key that this release cannot use (algorithm ${JSON.stringify(algorithm.slice(0, 32))}). This process signs with a key of its own. Update \`pawl\` in every process.`,
        )
      const material = unwrapKey(secrets, place(row), row.wrappedKey)
      if (material === null)
        throw new SecretUnknownError(
          'this process cannot decrypt a signing key in the database; check that all processes have the same `secret`',
        )
      key = signingKeyFromMaterial(kid, algorithm as Algorithm, material)
    } catch (error) {
      onFailure(error)
    }
    decrypted.set(row.kid, key)
    return key
  }

  async function read(): Promise<void> {
    const now = clock.now()
    const rows = (await store.keys()).toSorted((a, b) => a.epoch - b.epoch)
    entries = rows.map((row, index) => {
      const retiresAt = row.verifiesUntil ?? retirementAfter(rows[index + 1], settings.tokenLifetime)
      const reportTrouble = (error: unknown): void => events.emit('keyTrouble', { epoch: row.epoch, error })
      const key = retiresAt > now ? decrypt(row, reportTrouble) : null
      return { row, header: key?.header ?? headerOf(row), key, retiresAt }
    })
    byHeader = new Map(entries.map((entry) => [entry.header, entry]))
    const kids = new Set(rows.map(({ kid }) => kid))
    for (const kid of decrypted.keys()) if (!kids.has(kid)) decrypted.delete(kid)
    revision++
    readAt = now
    if (store.readOnly === true) return
    for (const { row, retiresAt } of entries) {
      if (row.verifiesUntil !== null || !Number.isFinite(retiresAt)) continue
      try {
        await store.retireKey(row.epoch, retiresAt)
      } catch (error) {
        // The next read tries again. Until then the time follows from the next key, as here.
        reportBackgroundError(events, 'keys', error)
      }
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

  async function readAndRotate(): Promise<void> {
    await read()
    await rotateIfDue()
  }

  async function rotateIfDue(): Promise<void> {
    if (store.readOnly === true) return
    const newest = entries.at(-1)
    const now = clock.now()
    let due = newest === undefined ? now : newest.row.signsFrom + settings.rotationInterval
    // Otherwise the keys of this release would retire. All processes can use its next key, so all sign with that one.
    if (newest !== undefined && isOfLaterRelease(newest.row)) due = newest.row.signsFrom
    else if (newest !== undefined && now < due - publishAhead) return
    try {
      await publish(newest === undefined ? now : Math.max(due, now + publishAhead))
    } catch (error) {
      // If the rotation fails, the old key keeps signing and the next reload tries again.
      if (newest === undefined) throw error
      events.emit('keyTrouble', { epoch: newest.row.epoch + 1, error })
    }
  }

  function reload(): Promise<void> {
    reloading ??= readAndRotate().finally(() => {
      reloading = null
    })
    return reloading
  }

  // Before the first key is published: with the wrong secret, that key would lock out the other processes.
  await read()
  const live = entries.filter(({ row, retiresAt }) => retiresAt > clock.now() && !isOfLaterRelease(row))
  if (live.length > 0 && live.every((entry) => entry.key === null)) {
    throw new SecretUnknownError(
      'option `secret` decrypts none of the signing keys in the database: it differs from the secret they were made with. ' +
        'Start with that secret. To change it, deploy `secret: [old, new]` first, then `[new, old]`. If it is lost, run `npx pawl keys reset`: everyone must log in again',
    )
  }
  if (store.readOnly === true && live.length === 0) {
    throw new StoreUnavailableError(
      'The database has no signing key that this process can use, and with `readOnly: true` it makes none. Start a process on the primary first. If that has run, the replica may be behind.',
    )
  }
  await rotateIfDue()
  // A changed `algorithm` takes effect only at the start. Otherwise processes of two releases would rotate in turns.
  const isOther = entries.at(-1)?.row.algorithm !== settings.algorithm
  if (isOther && store.readOnly !== true) await publish(clock.now() + publishAhead)

  return {
    async signer() {
      if (clock.now() - readAt > MAX_TABLE_AGE) await reload()
      const now = clock.now()
      const usable = entries.filter((entry) => entry.key !== null)
      const current = usable.findLast((entry) => entry.row.signsFrom <= now) ?? usable[0]
      if (current?.key == null)
        throw new SecretUnknownError(
          'this process can decrypt none of the signing keys in the database; check its option `secret`',
        )
      return current.key
    },
    find(header) {
      const entry = byHeader.get(header)
      return entry !== undefined && entry.retiresAt > clock.now() ? (entry.key ?? undefined) : undefined
    },
    identify(header) {
      const entry = byHeader.get(header)
      // Decrypted on first use: after years there are hundreds. A secret that was dropped since is no trouble.
      return entry === undefined ? undefined : (entry.key ?? decrypt(entry.row, () => {}) ?? undefined)
    },
    isUnusable(header) {
      const kid = kidOf(header)
      return entries.some(
        ({ row, key, retiresAt }) => row.kid === kid && key === null && retiresAt > clock.now(),
      )
    },
    verifiesUntil(header) {
      const entry = byHeader.get(header)
      return entry === undefined || entry.key === null ? 0 : entry.retiresAt
    },
    get revision() {
      return revision
    },
    reloadForUnknownKid: limitReloads(clock, () => {
      reload().catch((error: unknown) => reportBackgroundError(events, 'keys', error))
    }),
    reload,
    list: () => entries.map(describe),
    async rotate() {
      await read()
      await publish(clock.now() + publishAhead)
      return describe(entries.at(-1)!)
    },
    jwks: () => ({
      keys: entries.flatMap(({ key, retiresAt }) =>
        key?.publicJwk != null && retiresAt > clock.now() ? [key.publicJwk] : [],
      ),
    }),
  }
}

/** Whether this release does not know how the key signs, or how it is encrypted. */
function isOfLaterRelease({ algorithm, wrappedKey }: KeyRow): boolean {
  return !isAlgorithm(algorithm) || !isReadable(wrappedKey)
}

/** The encoded JOSE header of the tokens of a key, without decrypting it. Empty, like that of no token, for an altered row. */
function headerOf({ kid, algorithm }: KeyRow): string {
  return isAlgorithm(algorithm) && /^[\w-]+$/.test(kid) ? encodeHeader(kid, algorithm) : ''
}

/** @param next the key that replaces this one; undefined while none is known */
function retirementAfter(next: KeyRow | undefined, tokenLifetime: number): number {
  return next === undefined ? Number.POSITIVE_INFINITY : next.signsFrom + tokenLifetime + RETIRE_SLACK
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
