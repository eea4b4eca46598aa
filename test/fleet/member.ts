import { createSessions, type EventName, isSessionsError, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { fasterClock } from '../chaos/settings.ts'
import { type Call, type Commands, type FromMember, type Orders, sharedClock } from './commands.ts'
import { startShiftedClock } from './shifted-clock.ts'

/** One process of a fleet: opens sessions and does what it is told over IPC. */

const REPORTED: readonly EventName[] = [
  'ended',
  'reused',
  'rolledBack',
  'confirmationsDropped',
  'keysRotated',
  'keyTrouble',
  'clockSkew',
  'storeUnavailable',
  'secretUnknown',
  'feedListening',
  'feedPolling',
  'feedStale',
  'feedCaughtUp',
  'feedOverflowed',
  'feedForeign',
]

const tell = (message: FromMember): void => {
  if (process.connected) process.send!(message)
}
// Ctrl-C reaches the whole process group; whoever started this process ends it, or is gone.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())

const orders = JSON.parse(process.env['FLEET_ORDERS']!) as Orders
const clock = startShiftedClock(orders.clockOff ?? 0)
let polls = 0

const open = (): Promise<Sessions> =>
  createSessions({
    ...orders.options,
    secret: orders.secret,
    store: postgres({
      connectionString: orders.url,
      maxConnections: orders.maxConnections ?? 4,
      listen: orders.listen ?? true,
      ...(orders.schema !== undefined && { schema: orders.schema }),
    }),
    ...(orders.fast !== undefined && {
      now: fasterClock({ overlap: 0, gracePeriod: 0, accessTokenLifetime: 0, ...orders.fast }),
    }),
    telemetry: {
      observe() {},
      trace(operation, work) {
        if (operation === 'poll') polls++
        return work()
      },
    },
  })

const sessions = await open().catch(async (error: unknown) => {
  // As whoever supervises it would: twenty starting at once may be more than a busy machine does in time.
  if (!isSessionsError(error) || error.code !== 'ERR_STORE_UNAVAILABLE') throw error
  return open()
})

for (const name of REPORTED) {
  sessions.on(name, (event) => {
    const plain = 'error' in event ? { ...event, error: String(event.error) } : event
    tell({ type: 'event', event: { name, at: sharedClock(), event: plain } })
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
  async refresh(given) {
    const { session, accessToken, refreshToken } = await sessions.refresh(given)
    return {
      sessionId: session.sessionId,
      accessToken: accessToken.value,
      refreshToken: refreshToken?.value ?? given,
    }
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
        tell({ type: 'learned', learned: { sessionId, refusedAt: refuses(accessToken) } })
      })
    }
  },
  flush: () => sessions.flush(),
  rotate: async () => (await sessions.keys.rotate()).epoch,
  epochs: () => sessions.keys.list().map(({ epoch }) => epoch),
  stats: () => ({ ...sessions.stats(), polls }),
  setClockOff: (milliseconds) => clock.set(milliseconds),
  memory() {
    global.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    return { used: heapUsed + external }
  },
}

process.on('message', (call: Call) => void answer(call))
tell({ type: 'ready' })

async function answer({ id, command, parameters }: Call): Promise<void> {
  if (command === 'close') {
    await sessions.close()
    // Nothing may keep the process alive now but the channel to whoever started it.
    process.removeAllListeners('disconnect')
    process.disconnect()
    return
  }
  try {
    const run = commands[command] as (...given: readonly unknown[]) => unknown
    tell({ type: 'answer', id, value: await run(...parameters) })
  } catch (error) {
    const { name, message } = error as Error
    tell({ type: 'error', id, error: { name, ...(error as object), cause: undefined, message } })
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
