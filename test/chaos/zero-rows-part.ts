import { createSessions, isSessionsError, type Verdict } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { silentLogger } from '../support/logger.ts'
import { startDatabase } from './database.ts'
import { createRandom } from './random.ts'
import { lifetimeOptions, REAL_TIME, SECRET } from './settings.ts'
import { withZeroRows } from './zero-rows.ts'

export interface ZeroRowsFigures {
  readonly operations: number
  /** How often the store returned no row for an existing row. */
  readonly zeroRows: number
  readonly tryAgain: number
  readonly loggedOut: number
  /** Detected reuse, although every client is honest. */
  readonly reused: number
  readonly verdicts: Partial<Record<Verdict, number>>
}

const PROBABILITY = 0.01
const AT_ONCE = 20
const CALM = 2 * REAL_TIME.overlap * 1000 + 5000

/** Runs honest clients with concurrent tabs on a store that returns no row in one of a hundred reads. */
export async function runZeroRows({
  seed,
  clients,
  rounds,
  stopped,
}: {
  seed: number
  clients: number
  rounds: number
  stopped: AbortSignal
}): Promise<ZeroRowsFigures> {
  const random = createRandom(seed)
  const database = await startDatabase()
  try {
    let now = Date.now()
    const flaky = withZeroRows(postgres({ connectionString: database.url }), PROBABILITY, random.next)
    await using sessions = await createSessions({
      ...lifetimeOptions(REAL_TIME),
      secret: SECRET,
      logger: silentLogger,
      store: flaky.store,
      now: () => now,
    })
    const figures = { operations: 0, tryAgain: 0, loggedOut: 0, reused: 0 }
    const verdicts: Partial<Record<Verdict, number>> = {}
    sessions.on('reused', () => figures.reused++)
    sessions.on('refreshed', ({ verdict }) => {
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    })
    const holders: { refreshToken: string; accessTokens: string[] }[] = []
    for (let index = 0; index < clients; index++) {
      const { accessToken, refreshToken } = await sessions.create({ userId: `client-${index}` })
      holders.push({ refreshToken: refreshToken.value, accessTokens: [accessToken.value] })
    }

    const guarded = async (work: () => Promise<unknown> | unknown): Promise<void> => {
      figures.operations++
      try {
        await work()
      } catch (error) {
        if (!isSessionsError(error)) throw error
        if ('retryAfter' in error) figures.tryAgain++
        else figures.loggedOut++
      }
    }
    const turn = async (holder: (typeof holders)[number]): Promise<void> => {
      const tabs = random.chance(0.3) ? 2 : 1
      const presented = holder.refreshToken
      await Promise.all(
        Array.from({ length: tabs }, () =>
          guarded(async () => {
            const { accessToken, refreshToken } = await sessions.refresh(presented)
            // A response is lost as a whole: both tokens or none.
            if (random.chance(0.1)) return
            holder.accessTokens.push(accessToken.value)
            if (refreshToken !== null) holder.refreshToken = refreshToken.value
          }),
        ),
      )
      for (const token of holder.accessTokens.splice(0)) await guarded(() => sessions.verify(token))
    }
    for (let round = 0; round < rounds && !stopped.aborted; round++) {
      for (let at = 0; at < holders.length; at += AT_ONCE)
        await Promise.all(holders.slice(at, at + AT_ONCE).map(turn))
      await sessions.flush()
      now += random.chance(0.4) ? 500 : CALM + 1
    }
    return { ...figures, zeroRows: flaky.count(), verdicts }
  } finally {
    await database.remove()
  }
}
