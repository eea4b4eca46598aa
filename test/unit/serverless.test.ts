import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import type { Store } from '../../src/core/store.ts'
import { type CreatedSession, type SessionsOptions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openSessions } from '../support/sessions.ts'

/** A store that counts its calls. */
function counted(inner: Store = memory()) {
  let release: () => void = () => {}
  const wire = {
    calls: [] as string[],
    down: false,
    /** Calls wait until `release`. */
    hang: null as Promise<void> | null,
    hangs(): void {
      wire.hang = new Promise((resolve) => {
        release = resolve
      })
    },
    release: () => release(),
  }
  const count = <Args extends unknown[], T>(name: string, call: (...args: Args) => Promise<T>) =>
    async function counting(...args: Args): Promise<T> {
      wire.calls.push(name)
      await wire.hang
      if (wire.down) throw new StoreUnavailableError('down')
      return call(...args)
    }
  const store: Store = {
    ...inner,
    changes: count('changes', inner.changes),
    keys: count('keys', inner.keys),
    readMany: count('readMany', inner.readMany),
    notify: count('notify', inner.notify),
    prune: count('prune', inner.prune),
    listen(hooks) {
      wire.calls.push('listen')
      return inner.listen(hooks)
    },
    endAgain: count('endAgain', inner.endAgain),
  }
  return { store, wire }
}

describe('with `serverless`', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) }))
  afterEach(() => void vi.useRealTimers())
  /** Time in which the process is frozen: nothing runs in it. */
  const freeze = (seconds: number): unknown => vi.advanceTimersByTime(seconds * 1000)
  const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds)

  async function open(options: Partial<SessionsOptions> = {}) {
    const { store, wire } = counted(options.store)
    const sessions = await openSessions({
      now: () => Date.now(),
      serverless: true,
      ...options,
      store,
    })
    const withSession = fetchSessions(sessions)
    wire.calls.length = 0
    /** A request with an access token. */
    const ask = ({ accessToken }: Pick<CreatedSession<object, unknown>, 'accessToken'>, path = '/') =>
      withSession(
        new Request(`https://app.example${path}`, {
          headers: { authorization: `Bearer ${accessToken.value}` },
        }),
        (session) => new Response(session.userId),
      )
    const answered = async (...given: Parameters<typeof ask>): Promise<number> => {
      const answer = ask(...given)
      await pass(1)
      return (await answer).status
    }
    /** Ends a session as another process would. */
    const endElsewhere = ({ session }: CreatedSession<object, unknown>): Promise<unknown> =>
      store.end(session.sessionId, { reason: 'revoked', at: Date.now(), pruneAt: Date.now() + 86_400_000 })
    return { sessions, wire, store, ask, answered, endElsewhere }
  }

  it('runs no timer, does not listen, and reads nothing while no request comes', async () => {
    const { sessions, wire, answered } = await open()
    const created = await sessions.create({ userId: 'u' })
    expect(await answered(created)).toBe(200)
    expect(await answered(created)).toBe(200)
    wire.calls.length = 0
    expect(vi.getTimerCount()).toBe(0)
    await pass(2 * 3_600_000)
    expect(wire.calls).toStrictEqual([])
  })

  it('polls before a request if the last poll is older than `pollInterval`, once for all that wait', async () => {
    const { sessions, wire, ask, answered, endElsewhere } = await open()
    const created = await sessions.create({ userId: 'u' })
    const other = await sessions.create({ userId: 'u' })
    expect(await answered(created)).toBe(200)
    wire.calls.length = 0
    await endElsewhere(created)
    freeze(4.9)
    expect(await answered(created)).toBe(200)
    expect(wire.calls).toStrictEqual([])
    freeze(0.1)
    const answers = Promise.all([ask(created), ask(other), ask(created)])
    await pass(1)
    expect((await answers).map(({ status }) => status)).toStrictEqual([401, 200, 401])
    expect(wire.calls.filter((call) => call === 'changes')).toHaveLength(1)
  })

  it('polls anew after a freeze, although a poll from before hangs on a connection that died', async () => {
    const { wire, sessions, ask, answered, endElsewhere } = await open()
    const created = await sessions.create({ userId: 'u' })
    expect(await answered(created)).toBe(200)
    freeze(5)
    wire.hangs()
    const late = ask(created)
    // It has waited for `catchUpTimeout`.
    await pass(501)
    expect((await late).status).toBe(200)
    await endElsewhere(created)
    wire.hang = null
    freeze(5)
    expect(await answered(created)).toBe(401)
    wire.release()
  })

  it('reads the keys and repeats lost ends in the same moment, when they are due', async () => {
    const { sessions, wire, answered } = await open()
    const created = await sessions.create({ userId: 'u' })
    expect(await answered(created)).toBe(200)
    wire.calls.length = 0
    freeze(5)
    expect(await answered(created)).toBe(200)
    expect(wire.calls).not.toContain('keys')
    freeze(60)
    expect(await answered(created)).toBe(200)
    expect(wire.calls).toContain('keys')
  })

  it('reads everything after a sleep that only the wall clock shows', async () => {
    const { sessions, wire, answered } = await open()
    const created = await sessions.create({ userId: 'u' })
    expect(await answered(created)).toBe(200)
    wire.calls.length = 0
    vi.setSystemTime(Date.now() + 2000)
    expect(await answered(created)).toBe(200)
    expect(wire.calls.sort()).toStrictEqual(['changes', 'keys'])
  })

  it('signs with the key that became due while the process was frozen', async () => {
    const { sessions, store } = await open({ keys: { rotationInterval: 600 } })
    const kids = async (): Promise<string[]> => (await store.keys()).map(({ kid }) => kid)
    const before = await kids()
    const withSession = fetchSessions(sessions)
    freeze(3 * 3600)
    const answer = withSession(new Request('https://app.example/'), async (session) => {
      await session.create({ userId: 'u' })
      return new Response()
    })
    await pass(1)
    await answer
    expect((await kids()).length).toBeGreaterThan(before.length)
  })

  it('waits `catchUpTimeout` at most, in an outage once per `pollInterval`', async () => {
    const { sessions, wire, ask, answered } = await open()
    const created = await sessions.create({ userId: 'u' })
    expect(await answered(created)).toBe(200)
    wire.hangs()
    freeze(10)
    let status = 0
    void ask(created).then((response) => {
      status = response.status
    })
    await pass(499)
    expect(status).toBe(0)
    await pass(2)
    expect(status).toBe(200)
    expect(await answered(created)).toBe(200)
    wire.release()
  })

  it('answers 503 with `onStale: refuse` until a poll has succeeded', async () => {
    const { sessions, wire, answered } = await open({ revocation: { onStale: 'refuse' } })
    const stale = listen(sessions, 'feedStale')
    const created = await sessions.create({ userId: 'u' })
    wire.down = true
    freeze(70)
    expect(await answered(created)).toBe(503)
    expect(stale).toHaveLength(1)
    wire.down = false
    freeze(5)
    expect(await answered(created)).toBe(200)
  })

  it('writes what a request has proved before its answer ends', async () => {
    const { sessions, wire, store, answered } = await open()
    const first = await sessions.create({ userId: 'u' })
    const refreshed = await sessions.refresh(first.refreshToken.value)
    expect(await answered(refreshed)).toBe(200)
    expect(wire.calls.filter((call) => call === 'readMany')).toHaveLength(1)
    expect((await store.read(first.session.sessionId))!.generation).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('notifies the other processes before the answer to a logout ends', async () => {
    const { sessions, wire } = await open()
    const created = await sessions.create({ userId: 'u' })
    const withSession = fetchSessions(sessions)
    await withSession(
      new Request('https://app.example/session/logout', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${created.accessToken.value}`,
          'content-type': 'application/json',
        },
        body: '{}',
      }),
      () => new Response(),
    )
    expect(wire.calls).toContain('notify')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('notifies after a transaction of the application, whose notification nobody has tried yet', async () => {
    const { sessions, wire } = await open()
    const { session } = await sessions.create({ userId: 'u' })
    await fetchSessions(sessions)(new Request('https://app.example/'), async () => {
      await sessions.using({}).revoke(session.sessionId)
      return new Response()
    })
    expect(wire.calls).toContain('notify')
  })

  it('hands the work to `waitUntil` instead of waiting, and waits if that throws', async () => {
    const handed: Promise<unknown>[] = []
    const { sessions, store, wire, answered } = await open({
      serverless: { waitUntil: (promise) => void handed.push(promise) },
    })
    const first = await sessions.create({ userId: 'u' })
    const refreshed = await sessions.refresh(first.refreshToken.value)
    wire.hangs()
    expect(await answered(refreshed)).toBe(200)
    expect(handed).toHaveLength(1)
    wire.release()
    await handed[0]
    expect((await store.read(first.session.sessionId))!.generation).toBe(1)

    const warnings = collectWarnings()
    const throwing = await open({
      store,
      serverless: {
        waitUntil() {
          throw new Error('outside of a request')
        },
      },
    })
    const second = await throwing.sessions.create({ userId: 'u' })
    expect(await throwing.answered(await throwing.sessions.refresh(second.refreshToken.value))).toBe(200)
    expect((await store.read(second.session.sessionId))!.generation).toBe(1)
    expect(warnings).toMatchObject([{ message: '`serverless.waitUntil` threw: outside of a request' }])
  })

  it('never prunes by itself', async () => {
    const { sessions, wire, answered } = await open()
    freeze(30 * 86_400)
    expect(await answered(await sessions.create({ userId: 'u' }))).toBe(200)
    expect(wire.calls).not.toContain('prune')
  })
})

it.each([
  [
    { serverless: true, privacy: { pruneInterval: 3600 } },
    'option `privacy.pruneInterval` got 3600; it takes nothing or null with `serverless`, where no timer runs: delete ' +
      "old rows by a cron, with `npx pawl prune` or the adapters' option `cron`",
  ],
  [{ serverless: { waitUntil: true } }, 'option `serverless.waitUntil` got true; it takes a function'],
  [{ serverless: { after: () => {} } }, 'option `serverless.after` is unknown; known are waitUntil'],
])('refuses the options %j', async (options, message) => {
  const attempt = openSessions(options as unknown as Partial<SessionsOptions>)
  await expect(attempt).rejects.toThrow(coded('ERR_INVALID_OPTIONS', { message }) as Error)
})
