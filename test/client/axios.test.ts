import axios, { AxiosError } from 'axios'
import { describe, expect, it } from 'vitest'
import { attachAxios } from '../../src/client/attach-axios.ts'
import { json, openWorld, type World } from './support/world.ts'

function api(world: World): ReturnType<typeof axios.create> {
  return axios.create({
    baseURL: world.origin,
    adapter: 'fetch',
    env: { fetch: world.fetch, Request, Response },
  } as object)
}

describe('attachAxios', () => {
  it('repeats after one refresh, bodies included, until it is undone', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const http = api(world)
    const undo = attachAxios(client, http)
    world.expire()
    const [got, posted] = await Promise.all([http.get('/me'), http.post('/notes', { text: 'note' })])
    expect([got.data.id, JSON.parse(posted.data.body)]).toStrictEqual(['anna', { text: 'note' }])
    expect(world.count('POST /session/refresh')).toBe(1)
    undo()
    world.expire()
    await expect(http.get('/me')).rejects.toMatchObject({ response: { status: 401 } })
  })

  it('repeats once and no more, also where 401 is no error to axios', async () => {
    const world = await openWorld()
    const client = world.client({ onProblem: () => {} })
    await world.login(client)
    const http = api(world)
    attachAxios(client, http)
    let asked = 0
    world.disturb.set('GET /me', () => {
      asked++
      return json(401, { code: 'access_token_expired', refresh: true })
    })
    const answer = await http.get('/me', { validateStatus: () => true })
    expect([answer.status, asked, world.count('POST /session/refresh')]).toStrictEqual([401, 2, 1])
  })

  it("leaves the application's own 401 and other hosts alone", async () => {
    const world = await openWorld()
    const client = world.client({ baseUrl: 'https://api.example.com' })
    const http = api(world)
    attachAxios(client, http)
    const error: unknown = await http.get('/theirs').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AxiosError)
    expect(error).toMatchObject({ response: { status: 401, data: { error: 'not ours' } } })
    expect((error as AxiosError).config!.withCredentials).toBeUndefined()
    const ours = api(world)
    attachAxios(world.client(), ours)
    await expect(ours.get('/theirs')).rejects.toMatchObject({ response: { status: 401 } })
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('fails as without a network when the refresh gets no answer', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const http = api(world)
    attachAxios(client, http)
    world.expire()
    world.disturb.set('POST /session/refresh', () => json(503, { code: 'unavailable' }))
    await expect(http.get('/me')).rejects.toMatchObject({ name: 'TypeError', response: { status: 503 } })
    expect(client.session.status).toBe('signed-in')
  })
})
