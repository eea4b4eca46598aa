import { expect, it, vi } from 'vitest'
import { fetchSessions, type HttpOptions } from '../../src/adapters/fetch/index.ts'
import type { Store } from '../../src/core/store.ts'
import { StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { openWithClock } from '../support/sessions.ts'

const SECRET = 'the-secret-of-the-cron-0123456789'
const YEAR = 365 * 86_400

async function open(options: HttpOptions = { cron: { secret: SECRET } }) {
  const inner = memory()
  const prune = vi.fn(inner.prune)
  const store: Store = { ...inner, prune }
  const { sessions, clock } = await openWithClock({ store, serverless: true })
  const withSession = fetchSessions(sessions, options)
  const send = (authorization: string | null, method = 'GET'): Promise<Response> =>
    withSession(
      new Request('https://app.example/session/prune', {
        method,
        headers: authorization === null ? {} : { authorization },
      }),
      () => new Response('the application', { status: 404 }),
    )
  return { sessions, clock, prune, send }
}

it('deletes rows past their retention for the cron that knows the secret', async () => {
  const { sessions, clock, send } = await open()
  const { session } = await sessions.create({ userId: 'u' })
  clock.advance(2 * YEAR)
  const response = await send(`Bearer ${SECRET}`)
  expect([response.status, await response.json()]).toStrictEqual([200, { sessions: 1, more: false }])
  expect(response.headers.get('cache-control')).toBe('private, no-store')
  expect(await sessions.get(session.sessionId)).toBeNull()
})

it.each([
  [null],
  ['Bearer'],
  ['Bearer '],
  [`Bearer ${SECRET}x`],
  [`Bearer ${SECRET.slice(1)}`],
  [`Bearer ${SECRET} ${SECRET}`],
  [`Basic ${SECRET}`],
  [SECRET],
])('answers 401 to the header %j, and touches no row', async (authorization) => {
  const { send, prune } = await open()
  const response = await send(authorization)
  expect([response.status, await response.text()]).toStrictEqual([401, ''])
  expect(response.headers.get('www-authenticate')).toBe('Bearer')
  expect(prune).not.toHaveBeenCalled()
})

it.each(['HEAD', 'POST', 'DELETE'])('answers 405 to %s', async (method) => {
  const { send, prune } = await open()
  const response = await send(`Bearer ${SECRET}`, method)
  expect([response.status, response.headers.get('allow')]).toStrictEqual([405, 'GET'])
  expect(prune).not.toHaveBeenCalled()
})

it('leaves the path to the application without the option', async () => {
  const { send } = await open({})
  expect(await (await send(`Bearer ${SECRET}`)).text()).toBe('the application')
})

it('stops after five seconds and says that more rows are due', async () => {
  vi.useFakeTimers()
  try {
    const { send, prune } = await open()
    // A second for each batch, of more rows than there is time for.
    prune.mockImplementation(async () => {
      vi.advanceTimersByTime(1000)
      return { due: 500, deleted: 500 }
    })
    const answering = send(`Bearer ${SECRET}`)
    await vi.advanceTimersByTimeAsync(1000)
    const response = await answering
    const { sessions, more } = (await response.json()) as { sessions: number; more: boolean }
    expect(more).toBe(true)
    expect(sessions).toBeGreaterThanOrEqual(2000)
    expect(sessions).toBeLessThanOrEqual(3000)
  } finally {
    vi.useRealTimers()
  }
})

it('answers 503 if the database is away', async () => {
  const { send, prune } = await open()

  prune.mockRejectedValue(new StoreUnavailableError('down'))
  expect((await send(`Bearer ${SECRET}`)).status).toBe(503)
})

it.each([
  [{ secret: undefined }, 'cron.secret'],
  [{ secret: 'too-short' }, 'cron.secret'],
  [{ secret: 'with spaces in the middle' }, 'cron.secret'],
  [{ secret: 16 }, 'cron.secret'],
  [{}, 'cron.secret'],
  [true, 'cron'],
  [null, 'cron'],
])('refuses the option `cron: %j` without repeating a secret', async (cron, option) => {
  const attempt = open({ cron } as unknown as HttpOptions)
  await expect(attempt).rejects.toThrow(
    coded('ERR_INVALID_OPTIONS', {
      option,
      message: expect.not.stringMatching(/too-short|with spaces/),
    }) as Error,
  )
})
