import { describe, expect, it, vi } from 'vitest'
import { memoryTokens, type SessionClient } from '../../src/client/index.ts'
import { defer, openWorld, stubBrowser, stubChannel, type User, until, type World } from './support/world.ts'

const MODES = [
  ['cookie mode', () => ({})],
  ['bearer mode', () => ({ tokens: memoryTokens() })],
] as const

/** Sends a POST that the server refuses at once, as expired. The answer arrives when the test says so. */
async function writeLate(
  world: World,
  client: SessionClient<User>,
): Promise<{ answer: Promise<Response>; arrive: () => void }> {
  const [refused, late] = [defer(), defer()]
  world.expire()
  world.intercept.set('POST /notes', async (pass) => {
    world.intercept.delete('POST /notes')
    const response = await pass()
    refused.resolve()
    await late.promise
    return response
  })
  const answer = client.fetch('/notes', { method: 'POST', body: 'a note' })
  await refused.promise
  return { answer, arrive: late.resolve }
}

describe.each(MODES)('a refused request in %s', (_name, options) => {
  it('is not repeated if somebody has signed in since', async () => {
    const world = await openWorld()
    const client = world.client(options())
    await world.login(client)
    const { answer, arrive } = await writeLate(world, client)
    await world.login(client, 'bert')
    arrive()
    expect((await answer).status).toBe(401)
    expect([world.count('POST /notes'), world.count('POST /session/refresh')]).toStrictEqual([1, 0])
    expect(client.session.status).toBe('signed-in')
  })

  it.each([
    ['succeeds', 'bert', true],
    ['is refused', 'wrong', false],
  ])('is not repeated during a sign-in, nor after it: it %s', async (_outcome, user, result) => {
    const world = await openWorld()
    const client = world.client(options())
    await world.login(client)
    const [sent, login] = [defer(), defer()]
    world.intercept.set('POST /login', async (pass) => {
      sent.resolve()
      await login.promise
      return pass()
    })
    const before = await writeLate(world, client)
    const signingIn = world.login(client, user)
    await sent.promise
    before.arrive()
    expect((await before.answer).status).toBe(401)
    const during = await writeLate(world, client)
    login.resolve()
    expect(await signingIn).toBe(result)
    during.arrive()
    expect((await during.answer).status).toBe(401)
    expect(world.count('POST /notes')).toBe(2)
  })

  it('is not repeated if somebody signs in while it waits for the refresh', async () => {
    const world = await openWorld()
    const client = world.client(options())
    await world.login(client)
    const { answer, arrive } = await writeLate(world, client)
    // The refresh waits for this sign-in, which is over when it starts.
    const signingIn = client.signIn(async () => {
      const response = await client.fetch('/login', { method: 'POST', body: 'bert' })
      return response.json()
    })
    arrive()
    expect([await signingIn, (await answer).status]).toStrictEqual([true, 401])
    expect(world.count('POST /notes')).toBe(1)
  })

  it('is repeated after the refresh of another request', async () => {
    const world = await openWorld()
    const client = world.client(options())
    await world.login(client)
    const { answer, arrive } = await writeLate(world, client)
    await client.fetch('/me')
    arrive()
    expect(await (await answer).json()).toMatchObject({ id: 'anna', body: 'a note' })
    expect(world.count('POST /session/refresh')).toBe(1)
  })
})

describe('a refused request of a tab', () => {
  it('is not repeated if somebody has signed in in another tab', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    stubChannel()
    const [one, two] = [world.client(), world.client()]
    await world.login(one)
    await until(() => expect(two.session.status).toBe('signed-in'))
    const { answer, arrive } = await writeLate(world, two)
    await world.login(one, 'bert')
    arrive()
    expect((await answer).status).toBe(401)
    expect(world.count('POST /notes')).toBe(1)
  })

  it('is repeated after the refresh of another tab', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    stubChannel()
    const [one, two] = [world.client(), world.client()]
    await world.login(one)
    await until(() => expect(two.session.status).toBe('signed-in'))
    const { answer, arrive } = await writeLate(world, two)
    await one.fetch('/me')
    arrive()
    expect((await answer).status).toBe(200)
    expect(world.count('POST /session/refresh')).toBe(1)
  })

  it('is not repeated if its own refresh shows that somebody else has signed in', async () => {
    const world = await openWorld()
    const [one, two] = [world.client(), world.client()]
    await world.login(one)
    await two.check()
    await world.login(one, 'bert')
    world.expire()
    expect((await two.fetch('/notes', { method: 'POST', body: 'a note' })).status).toBe(401)
    expect([world.count('POST /notes'), world.count('POST /session/refresh')]).toStrictEqual([1, 2])
    expect(await (await two.fetch('/me')).json()).toMatchObject({ id: 'bert' })
  })

  it('is not repeated if the refresh of a third tab shows it', async () => {
    const world = await openWorld()
    stubBrowser(world.origin)
    stubChannel()
    const [one, two] = [world.client(), world.client()]
    await world.login(one)
    await two.check()
    const { answer, arrive } = await writeLate(world, two)
    const silent = world.client({ baseUrl: `${world.origin}/`, path: '/session' })
    silent.close()
    await world.login(silent, 'bert')
    world.expire()
    await one.check()
    arrive()
    expect((await answer).status).toBe(401)
    expect(world.count('POST /notes')).toBe(1)
  })

  it('does not let the `user` option fail that asks who is signed in', async () => {
    const world = await openWorld()
    const onProblem = vi.fn()
    const load = async (fetch: typeof globalThis.fetch): Promise<User> => {
      const response = await fetch('/me')
      if (!response.ok) throw new Error(`/me answered ${response.status}`)
      return response.json()
    }
    const [one, two] = [world.client(), world.client({ user: load, onProblem })]
    await world.login(one)
    await two.check()
    world.expire()
    await two.check()
    await world.login(one, 'bert')
    world.expire()
    expect(await two.check()).toMatchObject({ status: 'signed-in', user: { id: 'bert' } })
    expect(onProblem).not.toHaveBeenCalled()
  })
})
