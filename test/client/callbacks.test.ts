import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryTokens, type TokenStorage, type Tokens } from '../../src/client/index.ts'
import { openWorld, until } from './support/world.ts'

const hang = (): Promise<never> => new Promise(() => {})
/** Longer than every bound. */
const LONG = 20_000

/** How a call ends, or `pending` after the longest bound. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = 'pending'
  call.then(
    (value) => {
      outcome = value
    },
    (error: Error) => {
      outcome = error.name
    },
  )
  await vi.waitFor(() => vi.advanceTimersByTimeAsync(LONG))
  return outcome
}

describe('a function of the application that never settles', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('as `user`: the sign-in succeeds without the user, and the next call asks again', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const user = vi.fn(hang)
    const client = world.client({ user, onProblem })
    const login = world.login(client)
    await until(() => expect(user).toHaveBeenCalled())
    expect(await outcomeOf(login)).toBe(true)
    expect(client.session).toStrictEqual({ status: 'signed-in', user: null })
    expect(onProblem.mock.calls).toMatchObject([['user-failed', { name: 'AbortError' }]])
    user.mockImplementation(async () => ({ id: 'anna' }) as never)
    expect(await client.check()).toStrictEqual({ status: 'signed-in', user: { id: 'anna' } })
  })

  it('as `fetch`: the refresh fails, and the next one is sent', async () => {
    const world = await openWorld()
    const fetch = vi.fn(hang)
    const client = world.client({ fetch })
    const unknown = { status: 'unknown', user: null }
    for (let time = 0; time < 2; time++) expect(await outcomeOf(client.check())).toStrictEqual(unknown)
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it.each([
    ['load', 'the refresh fails', 'TypeError'],
    ['save', 'the request fails', 'AbortError'],
    ['clear', 'the sign-out succeeds', undefined],
  ] as const)('as `%s` of the storage: %s', async (name, _outcome, expected) => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const disk = memoryTokens()
    const tokens: TokenStorage = { load: disk.load, save: disk.save, clear: disk.clear }
    const client = world.client({ tokens, onProblem })
    await world.login(client)
    const kept = (await disk.load()) as Tokens
    Object.assign(tokens, { [name]: vi.fn(hang) })
    world.expire()
    const call = name === 'clear' ? client.signOut() : client.fetch('/me')
    await until(() => expect(tokens[name]).toHaveBeenCalled())
    expect(await outcomeOf(call)).toBe(expected)
    expect(onProblem.mock.calls).toMatchObject([['storage-failed', { name: 'AbortError' }]])
    if (name !== 'clear') expect(await disk.load()).toStrictEqual(kept)
    Object.assign(tokens, { [name]: disk[name] })
    if (name !== 'clear') expect((await client.fetch('/me')).status).toBe(200)
  })
})
