import { createSessions, type EventName, isSessionsError, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { fasterClock } from '../chaos/settings.ts'
import { type Call, type Commands, type FromMember, type MemberConfig, sharedClock } from './commands.ts'
import { startShiftedClock } from './shifted-clock.ts'

/** A member process of a fleet: opens sessions and runs commands that arrive over IPC. */

const REPORTED: readonly EventName[] = [
  'ended',
  'reused',
  'rolledBack',
  'confirmationsDropped',
  'keysRotated',
  'keyTrouble',
  'clockSkew',
  'storeUnavailable',
  'backgroundFailed',
  'secretUnknown',
  'feedListening',
  'feedPolling',
  'feedStale',
  'feedCaughtUp',
  'feedOverflowed',
  'feedForeign',
]

const send = (message: FromMember): void => {
  if (process.connected) process.send!(message)
}
// Ctrl-C reaches the whole process group. The parent process ends this one.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())

const config = JSON.parse(process.env['MEMBER_CONFIG']!) as MemberConfig
const clock = startShiftedClock(config.clockOffset ?? 0)
let polls = 0
const pollTimes: number[] = []

const open = (): Promise<Sessions> =>
  createSessions({
    ...config.options,
    secret: config.secret,
    store: postgres({
      connectionString: config.url,
      maxConnections: config.maxConnections ?? 4,
      listen: config.listen ?? true,
      ...(config.schema !== undefined && { schema: config.schema }),
    }),
    ...(config.fast !== undefined && {
      now: fasterClock({ overlap: 0, gracePeriod: 0, accessTokenLifetime: 0, ...config.fast }),
    }),
    telemetry: {
      observe() {},
      async trace(operation, work) {
        if (operation !== 'poll') return work()
        polls++
        const startedAt = performance.now()
        try {
          return await work()
        } finally {
          pollTimes.push(performance.now() - startedAt)
        }
      },
    },
  })

const sessions = await open().catch(async (error: unknown) => {
  // A supervisor would also restart it: twenty concurrent starts may take a busy machine too long.
  if (!isSessionsError(error) || error.code !== 'ERR_STORE_UNAVAILABLE') throw error
  return open()
})

for (const name of REPORTED) {
  sessions.on(name, (event) => {
    const plain = 'error' in event ? { ...event, error: String(event.error) } : event
    send({ type: 'event', event: { name, at: sharedClock(), event: plain } })
  })
}

const commands: Commands = {
  async create(userId) {
    const { session, accessToken, refreshToken } = await sessions.create({ userId })
    return {
      sessionId: session.sessionId,
      accessToken: accessToken.value,
      refreshToken: refreshToken.value,
    }
  },
  verify: (accessToken) => sessions.verify(accessToken).sessionId,
  check: async (accessToken) => (await sessions.check(accessToken)).sessionId,
  async refresh(given) {
    const { session, accessToken, refreshToken } = await sessions.refresh(given)
    return {
      sessionId: session.sessionId,
      accessToken: accessToken.value,
      refreshToken: refreshToken?.value ?? given,
    }
  },
  async list(userId) {
    return (await sessions.list(userId, { active: true })).map(({ sessionId }) => sessionId)
  },
  async revoke(sessionId, reason) {
    const calledAt = sharedClock()
    const ended = await sessions.revoke(sessionId, reason)
    return { ended, calledAt, committedAt: sharedClock() }
  },
  watch(logins) {
    for (const { sessionId, accessToken } of logins) {
      sessions.verify(accessToken)
      sessions.onEnded(sessionId, () => {
        send({ type: 'learned', learned: { sessionId, refusedAt: refuses(accessToken) } })
      })
    }
  },
  flush: () => sessions.flush(),
  rotate: async () => (await sessions.keys.rotate()).epoch,
  epochs: () => sessions.keys.list().map(({ epoch }) => epoch),
  stats: () => ({ ...sessions.stats(), polls, pollTimes }),
  setClockOffset: (milliseconds) => clock.set(milliseconds),
  memory() {
    global.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    return { used: heapUsed + external }
  },
}

process.on('message', (call: Call) => void answer(call))
send({ type: 'ready' })

async function answer({ id, command, parameters }: Call): Promise<void> {
  if (command === 'close') {
    await sessions.close()
    // From here on, only the IPC channel may keep the process alive.
    process.removeAllListeners('disconnect')
    process.disconnect()
    return
  }
  try {
    const run = commands[command] as (...given: readonly unknown[]) => unknown
    send({ type: 'answer', id, value: await run(...parameters) })
  } catch (error) {
    const { name, message } = error as Error
    send({ type: 'error', id, error: { name, ...(error as object), cause: undefined, message } })
  }
}

function refuses(accessToken: string): number | null {
  try {
    sessions.verify(accessToken)
    return null
  } catch {
    return sharedClock()
  }
}
