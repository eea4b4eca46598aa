import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Store, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { driverError } from '../support/pools.ts'
import { listen, openSessions } from '../support/sessions.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const OPERATIONS = [
  { operation: 'poll', method: 'changes' },
  { operation: 'confirm', method: 'readMany' },
  { operation: 'notify', method: 'notify' },
  { operation: 'end', method: 'endAgain' },
  { operation: 'keys', method: 'keys' },
  { operation: 'prune', method: 'prune' },
  { operation: 'clock', method: 'time' },
] as const satisfies readonly { operation: string; method: keyof Store }[]

/** Runs all background work on a store one of whose methods fails. @returns the operations of each event */
async function failing(
  method: keyof Store,
  error: unknown,
): Promise<{ unavailable: Set<string>; failed: Set<string> }> {
  let broken = false
  const store: Store = {
    ...memory(),
    time: async () => Date.now(),
    notify: async () => true,
    listen: () => null,
    lostConnections: () => (broken ? 1 : 0),
  }
  const work = store[method] as (...parameters: never[]) => Promise<unknown>
  Object.assign(store, {
    [method]: (...parameters: never[]) => (broken ? Promise.reject(error) : work(...parameters)),
  })
  const sessions = await openSessions({ store, privacy: { pruneInterval: 60 } })
  const [unavailable, failed] = [listen(sessions, 'storeUnavailable'), listen(sessions, 'backgroundFailed')]
  const { session, refreshToken } = await sessions.create({ userId: 'u' })
  const child = await sessions.refresh(refreshToken.value)
  broken = true
  sessions.verify(child.accessToken.value)
  await vi.advanceTimersByTimeAsync(1000)
  await sessions.revoke(session.sessionId)
  await vi.advanceTimersByTimeAsync(120_000)
  for (const event of [...unavailable, ...failed]) expect(event.error).toBe(error)
  broken = false
  return {
    unavailable: new Set(unavailable.map(({ operation }) => operation)),
    failed: new Set(failed.map(({ operation }) => operation)),
  }
}

describe.each(OPERATIONS)('an error of the background operation $operation', ({ operation, method }) => {
  it('is a failure of the background work if it is a bug', async () => {
    expect(await failing(method, new TypeError('r.replace is not a function'))).toStrictEqual({
      unavailable: new Set(),
      failed: new Set([operation]),
    })
  })

  it.each([new StoreUnavailableError('away'), driverError('53300')])(
    'is the matter of the store if it is an outage or an answer of the database (%s)',
    async (error) => {
      // A clock that cannot be measured is no outage of its own.
      const unavailable = new Set(operation === 'clock' ? [] : [operation])
      expect(await failing(method, error)).toStrictEqual({ unavailable, failed: new Set() })
    },
  )
})
