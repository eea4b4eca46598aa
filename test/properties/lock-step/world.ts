import { type Arbitrary, constantFrom, record } from 'fast-check'
import type { Engine } from '../../../src/core/engine.ts'
import { deriveSecrets } from '../../../src/core/keys/secrets.ts'
import type { SessionRow } from '../../../src/core/store.ts'
import {
  assertGenuine,
  mintRefreshToken,
  NO_PARENT,
  parseRefreshToken,
} from '../../../src/core/tokens/refresh-token.ts'
import {
  type ClaimsObject,
  type ClaimsRefresh,
  createSessions,
  type EventName,
  type IssuedToken,
  type Sessions,
  type Store,
} from '../../../src/index.ts'
import { newSessionId, sessionIdFromBytes } from '../../../src/portable/session-id.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { decodeGen, decodeJwt } from '../../support/jwt.ts'
import { silentLogger } from '../../support/logger.ts'
import { FOREIGN_SECRET, SECRET } from '../../support/secrets.ts'

/** One thing with its two names: what the memory store's side calls it and what PostgreSQL's does. */
export type Pair<T = string> = readonly [memory: T, postgres: T]
export type Side = 0 | 1
export const SIDES: Pair<Side> = [0, 1]

export const mapPair = <T, U>([memory, postgres]: Pair<T>, map: (item: T) => U): Pair<U> => [
  map(memory),
  map(postgres),
]

/** Two processes on each store: what one of them did, the other has to learn. */
export type Process = 0 | 1

export interface TokenPair {
  readonly value: Pair
  readonly session: number
}

export interface Settings {
  readonly overlap: number
  readonly onDatabaseRollback: 'accept' | 'end'
  readonly idleTimeout: number
  readonly absoluteTimeout: number | null
  readonly accessTokenLifetime: number
  /** Whether claims are computed from `World.roles`. */
  readonly refreshesClaims: boolean
}

/** Short timeouts, so that a run meets their ends. */
export const settings: Arbitrary<Settings> = record({
  overlap: constantFrom(30, 30, 2, 0),
  onDatabaseRollback: constantFrom('accept', 'accept', 'end'),
  idleTimeout: constantFrom(86_400, 3600),
  absoluteTimeout: constantFrom(null, 259_200),
  accessTokenLifetime: constantFrom(900, 60),
  refreshesClaims: constantFrom(false, true),
})

function mintForeign(): TokenPair {
  const { value } = mintRefreshToken(deriveSecrets(FOREIGN_SECRET, 'elsewhere'), {
    sessionId: newSessionId('v7', 0),
    generation: 0,
    issuedAt: 0,
    parent: NO_PARENT,
    anchor: Buffer.alloc(16),
  })
  return { value: [value, value], session: -1 }
}

const EVENTS: readonly EventName[] = [
  'created',
  'refreshed',
  'rotated',
  'rolledBack',
  'reused',
  'ended',
  'confirmationsDropped',
  'secretUnknown',
  'keysRotated',
  'keyTrouble',
  'storeUnavailable',
  'backgroundFailed',
]

const DAY = 86_400_000

/** Everything of one run: both stores, two processes on each, and what is known of both. */
export class World {
  readonly clock: ReturnType<typeof createFakeClock> = createFakeClock()
  readonly settings: Settings
  readonly sessions: Pair[] = []
  readonly refreshTokens: TokenPair[] = []
  readonly accessTokens: TokenPair[] = []
  /** The roles that `refreshClaims` puts into the claims of users; null ends their sessions. */
  readonly roles: Map<string, string | null> = new Map()
  private readonly sides: Pair<{
    readonly processes: readonly Sessions[]
    readonly engines: readonly Engine[]
    readonly heard: unknown[]
  }>

  private constructor(settings: Settings, sides: World['sides']) {
    this.settings = settings
    this.sides = sides
  }

  /**
   * @param places opens a store as another process would make it
   * @param engines where the background loop, replaced by the test, leaves what it would have worked on
   */
  static async open(settings: Settings, places: Pair<() => Store>, engines: Engine[]): Promise<World> {
    const sides = SIDES.map(() => ({
      processes: [] as Sessions[],
      engines: [] as Engine[],
      heard: [] as unknown[],
    }))
    const world = new World(settings, sides as unknown as World['sides'])
    for (const side of SIDES) {
      const { processes, engines: own, heard } = sides[side]!
      for (const name of ['one', 'other']) {
        const { overlap, onDatabaseRollback, accessTokenLifetime, refreshesClaims, ...timeouts } = settings
        const options = {
          ...timeouts,
          rotation: { overlap, onDatabaseRollback },
          accessToken: { lifetime: accessTokenLifetime },
          privacy: { keepEnded: 86_400 },
          ...(refreshesClaims && { refreshClaims: world.refreshClaims }),
          secret: SECRET,
          now: world.clock.now,
        }
        const sessions = await createSessions({ ...options, store: places[side](), logger: silentLogger })
        for (const event of EVENTS) {
          sessions.on(event, (content) => heard.push({ event, by: name, ...world.plain(side, content) }))
        }
        processes.push(sessions)
        own.push(engines.pop()!)
      }
    }
    return world
  }

  /** The option of the same name. */
  readonly refreshClaims = ({ userId, claims }: ClaimsRefresh): ClaimsObject | null => {
    const role = this.roles.get(userId)
    if (role === undefined) return claims
    return role === null ? null : { ...claims, role }
  }

  async close(): Promise<void> {
    for (const { processes } of this.sides) for (const sessions of processes) await sessions.close()
  }

  process(side: Side, by: Process): Sessions {
    return this.sides[side].processes[by]!
  }

  engine(side: Side, by: Process): Engine {
    return this.sides[side].engines[by]!
  }

  /** What was heard since it was asked last. In no order: PostgreSQL ends a user's sessions in any. */
  heard(side: Side): string[] {
    return this.sides[side].heard
      .splice(0)
      .map((event) => JSON.stringify(event))
      .sort()
  }

  /** A value as it can be compared: sessions by their number, times in milliseconds, errors by what they tell. */
  plain(side: Side, value: unknown): Record<string, unknown> {
    const { kid: _, error, ...rest } = { ...(value as Record<string, unknown>) }
    const out: Record<string, unknown> = { ...rest }
    if ('sessionId' in rest) out['sessionId'] = this.numberOf(side, rest['sessionId'] as string)
    if (error !== undefined) out['error'] = String(error)
    for (const [name, item] of Object.entries(out)) if (item instanceof Date) out[name] = item.getTime()
    return out
  }

  /** What an access token says, as far as both stores must say the same. */
  readAccess(side: Side, { value, expiresAt }: IssuedToken): unknown {
    const { sid, gen, ...payload } = decodeJwt(value).payload
    const twin = gen === undefined ? null : decodeGen(gen)
    const session = this.numberOf(side, sessionIdFromBytes(Buffer.from(sid as string, 'base64url')))
    return { session, twin: twin && [twin.n, twin.t], payload, expiresAt: expiresAt.getTime() }
  }

  readRefresh({ value, expiresAt }: IssuedToken): unknown {
    const bytes = Buffer.from(value.slice('pawl_r1_'.length), 'base64url')
    return [bytes.readUInt32BE(18), bytes.readUIntBE(22, 6), expiresAt.getTime()]
  }

  /** Work of the background loop, on both stores. */
  async onBoth(by: Process, work: (engine: Engine) => Promise<void>): Promise<void> {
    for (const side of SIDES) await work(this.engine(side, by))
  }

  private numberOf(side: Side, sessionId: string): number | string {
    const number = this.sessions.findIndex((pair) => pair[side] === sessionId)
    return number === -1 ? 'new' : number
  }

  /** All rows as they are stored, down to which token is recorded. */
  async rows(side: Side): Promise<unknown[]> {
    const rows = await this.stored(side)
    const { secrets } = this.engine(side, 0).options
    const names = new Map(
      this.refreshTokens.map(({ value }, index) => {
        const { fingerprint } = assertGenuine(parseRefreshToken(secrets, value[side]))
        return [Buffer.from(fingerprint).toString('hex'), `token ${index}`]
      }),
    )
    const name = (bytes: Uint8Array | null): string | null => {
      const hex = bytes === null ? null : Buffer.from(bytes).toString('hex')
      return hex === null ? null : (names.get(hex) ?? hex)
    }
    return rows.map((row) => ({
      ...row,
      id: this.numberOf(side, row.id),
      current: name(row.current),
      previous: name(row.previous),
      anchorHash: row.anchorHash.length,
      renewals: row.renewals.map((renewal) => ({ ...renewal, anchorHash: renewal.anchorHash.length })),
      // PostgreSQL keeps the day alone.
      pruneAt: Math.ceil(row.pruneAt / DAY),
    }))
  }

  /** The rows of the sessions still kept, by their number. */
  async stored(side: Side): Promise<SessionRow[]> {
    const rows = await this.engine(side, 0).store.readMany(this.sessions.map((pair) => pair[side]))
    return rows.toSorted((a, b) => Number(this.numberOf(side, a.id)) - Number(this.numberOf(side, b.id)))
  }

  /** A token of another installation; both stores get the very same. */
  readonly foreign: TokenPair = mintForeign()

  /** A genuine token of a generation the row has lost: `steps` ahead of `token`, issued now. */
  mintAhead(token: TokenPair, steps: number): TokenPair {
    const parent = Buffer.alloc(16, `lost ${this.refreshTokens.length}`)
    const value = SIDES.map((side) => {
      const { secrets } = this.engine(side, 0).options
      const { generation, ...fields } = assertGenuine(parseRefreshToken(secrets, token.value[side]))
      const issuedAt = this.clock.now()
      return mintRefreshToken(secrets, { ...fields, generation: generation + steps, parent, issuedAt }).value
    })
    return { value: value as unknown as Pair, session: token.session }
  }

  /** What a thief of the secret alone could make: everything but the anchor is right. */
  mintWithoutAnchor(token: TokenPair): TokenPair {
    const value = SIDES.map((side) => {
      const secrets = deriveSecrets(SECRET, this.engine(side, 0).store.realm)
      const fields = assertGenuine(parseRefreshToken(secrets, token.value[side]))
      return mintRefreshToken(secrets, { ...fields, anchor: Buffer.alloc(16, 'a guess') }).value
    })
    return { value: value as unknown as Pair, session: token.session }
  }
}
