import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createRandom, type Random } from '../chaos/random.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { createDevice, refreshBound } from '../support/proofs.ts'
import { SECRET } from '../support/secrets.ts'
import type { MemberConfig, Tokens } from './commands.ts'
import { openFleet } from './open-fleet.ts'
import { type Fleet, GONE, type Member } from './process.ts'
import { sourcesOfNext, sourcesOfTag } from './releases.ts'

/** Milliseconds of traffic in each state of the fleet. */
const PHASE = 1000
/** Milliseconds in which every process must have learned of an end: a poll each second, on a busy machine. */
const PROPAGATION = 3000
const BROWSERS = 16
/** "Try again", and the token of a release or a process that this one cannot decide on. */
const RETRY = new Set([GONE, 'ERR_STORE_UNAVAILABLE', 'ERR_TRY_AGAIN', 'ERR_SECRET_UNKNOWN'])
const LAST_TAG = 'v0.1.0'

const seed = Number(process.env['PAWL_SEED'] ?? Date.now() % 1e9)

interface Release {
  readonly fleet: Fleet
  readonly algorithm: string
  /** Every reason for which it ends sessions. */
  readonly reasons: readonly string[]
}

interface Slot {
  readonly release: Release
  readonly member: Member
}

interface EndedSession {
  readonly tokens: Tokens
  readonly at: number
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

/** Browsers that use, refresh and end their sessions in random processes of the fleet. */
class Load {
  readonly honestLogouts: string[] = []
  readonly ended: EndedSession[] = []
  refreshed = 0
  /** Tokens that a process could not read and that a refresh replaced. */
  replaced = 0
  readonly #slots: () => readonly Slot[]
  readonly #living = new Map<number, Tokens>()
  #stopped = false
  readonly #running: Promise<unknown>

  constructor(slots: () => readonly Slot[], random: Random) {
    this.#slots = slots
    this.#running = Promise.all(
      Array.from({ length: BROWSERS }, (_, index) => this.#browse(index, random.fork())),
    )
    this.#running.catch(() => {})
  }

  async stop(): Promise<Tokens[]> {
    this.#stopped = true
    await this.#running
    return [...this.#living.values()]
  }

  async #browse(index: number, random: Random): Promise<void> {
    let tokens: Tokens | null = null
    while (!this.#stopped) {
      const { member, release } = random.pick(this.#slots())
      const action = random.next()
      const ends = random.pick(release.reasons)
      try {
        if (tokens === null) tokens = await member.do.create(`browser ${index}`)
        else if (action < 0.1) {
          await member.do.revoke(tokens.sessionId, ends as never)
          this.ended.push({ tokens, at: performance.now() })
          tokens = null
        } else if (action < 0.5) {
          tokens = await member.do.refresh(tokens.refreshToken)
          this.refreshed++
        } else if (!(await this.#isAccepted(member, tokens))) {
          tokens = await member.do.refresh(tokens.refreshToken)
          await member.do.verify(tokens.accessToken)
          this.replaced++
        }
        if (tokens === null) this.#living.delete(index)
        else this.#living.set(index, tokens)
      } catch (error) {
        if (!RETRY.has(codeOf(error))) {
          this.honestLogouts.push(`${codeOf(error)} in browser ${index}`)
          return
        }
      }
      await sleep(random.between(5, 40))
    }
  }

  async #isAccepted(member: Member, tokens: Tokens): Promise<boolean> {
    try {
      await member.do.verify(tokens.accessToken)
      return true
    } catch (error) {
      // Of a key that this process cannot use: a browser refreshes.
      if (codeOf(error) === 'ERR_ACCESS_TOKEN_INVALID') return false
      throw error
    }
  }
}

/** Two releases in one fleet: upgrade step by step, go back in the middle, and upgrade again. */
async function rollOut(
  url: string,
  pool: pg.Pool,
  older: Release,
  newer: Release,
  afterFirst: () => Promise<unknown> = async () => {},
): Promise<Load> {
  const start = async (release: Release): Promise<Slot> => {
    const options = { keys: { algorithm: release.algorithm }, revocation: { pollInterval: 1 } }
    return { release, member: await release.fleet.start({ url, secret: SECRET, options } as MemberConfig) }
  }
  const slots = await Promise.all([start(older), start(older), start(older)])
  const deploy = async (index: number, release: Release): Promise<void> => {
    const replaced = slots[index]!
    slots[index] = await start(release)
    await replaced.member.close()
  }
  const load = new Load(() => slots, createRandom(seed))

  /** No process accepts a session whose end it must have learned of. */
  async function checkEnds(): Promise<void> {
    await sleep(PHASE)
    const before = performance.now() - PROPAGATION
    const due = load.ended.filter(({ at }) => at <= before).slice(-60)
    await assertRefused(slots, due)
  }

  await checkEnds()
  await deploy(0, newer)
  await afterFirst()
  await checkEnds()
  await deploy(1, newer)
  await checkEnds()
  // The rollback.
  await Promise.all([deploy(0, older), deploy(1, older)])
  await checkEnds()
  await deploy(0, newer)
  await checkEnds()
  const living = await load.stop()
  await sleep(PROPAGATION)

  expect(load.honestLogouts).toStrictEqual([])
  await assertRefused(slots, load.ended)
  for (const { tokens } of load.ended.slice(-20)) {
    for (const { member } of slots)
      await expect(member.do.refresh(tokens.refreshToken)).rejects.toThrow(
        coded('ERR_SESSION_ENDED') as Error,
      )
  }
  for (const { refreshToken } of living) {
    for (const { member } of slots) await member.do.refresh(refreshToken)
  }
  const { rows } = await pool.query(
    'select count(*) filter (where ended_at is null) as alive from pawl.sessions where id = any($1::uuid[])',
    [load.ended.map(({ tokens }) => tokens.sessionId)],
  )
  expect(Number(rows[0].alive)).toBe(0)
  expect(load.ended.length).toBeGreaterThan(20)
  expect(load.refreshed).toBeGreaterThan(100)
  await Promise.all(slots.map(({ member }) => member.close()))
  return load
}

async function assertRefused(slots: readonly Slot[], ended: readonly EndedSession[]): Promise<void> {
  const accepted = await Promise.all(
    slots.flatMap(({ member }) =>
      ended.map(({ tokens }) =>
        member.do.verify(tokens.accessToken).then(
          () => [tokens.sessionId],
          () => [],
        ),
      ),
    ),
  )
  expect(accepted.flat()).toStrictEqual([])
}

const OWN_REASONS = ['logout', 'revoked', 'limit']
const present = openFleet()

describe(`a fleet of two releases (PAWL_SEED=${seed})`, () => {
  const sources = sourcesOfTag(LAST_TAG)
  const tagged = sources === null ? null : openFleet(sources)
  it.skipIf(tagged === null)(
    `${LAST_TAG} and this one: nobody is logged out, and no ended session is accepted${tagged === null ? ` (skipped: no tag ${LAST_TAG})` : ''}`,
    { timeout: 90_000 },
    async () => {
      const url = await createDatabase()
      const release = { algorithm: 'HS256', reasons: OWN_REASONS }
      await rollOut(url, createPool(url), { ...release, fleet: tagged! }, { ...release, fleet: present })
    },
  )

  it.skipIf(tagged === null)(
    `${LAST_TAG} beside this one leaves the key of a bound session alone, and checks no device`,
    { timeout: 60_000 },
    async () => {
      const url = await createDatabase()
      const pool = createPool(url)
      const old = await tagged!.start({ url, secret: SECRET })
      const sessions = await createSessions({
        store: postgres({ pool }),
        secret: SECRET,
        logger: silentLogger,
      })
      const device = createDevice()
      const login = await old.do.create('anna')
      await pool.query(`update pawl.sessions set device_key = $1, device_kind = 'native'`, [device.key])
      const unproven = coded('ERR_DEVICE_PROOF_REQUIRED') as Error
      await expect(sessions.refresh(login.refreshToken)).rejects.toThrow(unproven)
      // The release before does not know of devices. Its refreshes and turns go on.
      const later = await old.do.refresh(login.refreshToken)
      const turned = await old.do.refresh(later.refreshToken)
      await expect(sessions.refresh(turned.refreshToken)).rejects.toThrow(unproven)
      // Nothing of this has ended the session or taken its key.
      const proven = await refreshBound(sessions, device, turned.refreshToken)
      expect(sessions.verify(proven.accessToken).device).toBe(device.thumbprint)
      const { rows } = await pool.query('select device_key, generation, end_reason from pawl.sessions')
      expect(rows).toStrictEqual([{ device_key: device.key, generation: 1, end_reason: null }])
      await Promise.all([old.close(), sessions.close()])
    },
  )

  const next = openFleet(sourcesOfNext())
  it('this one and a later one with another end reason, column and algorithm: the same', {
    timeout: 90_000,
  }, async () => {
    const url = await createDatabase()
    const pool = createPool(url)
    const load = await rollOut(
      url,
      pool,
      { fleet: present, algorithm: 'HS256', reasons: OWN_REASONS },
      { fleet: next, algorithm: 'ES384', reasons: ['device_lost', 'logout'] },
      // The key of the later release signs at once, in the next process that starts, not in ten minutes.
      () => pool.query(`update pawl.signing_keys set signs_from = now() where algorithm = 'ES384'`),
    )
    // Tokens of the later release met processes of this one.
    expect(load.replaced).toBeGreaterThan(0)
    const { rows } = await pool.query(
      `select array(select distinct algorithm from pawl.signing_keys order by 1) as algorithms,
        array(select distinct region from pawl.sessions order by 1) as regions,
        (select count(*) from pawl.sessions where end_reason = 'device_lost') > 0 as lost`,
    )
    expect(rows).toStrictEqual([
      { algorithms: ['ES384', 'HS256'], regions: ['here', 'somewhere'], lost: true },
    ])
  })
})
