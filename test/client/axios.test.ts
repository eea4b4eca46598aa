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
  it('refreshes once and repeats requests with their bodies, until it is detached', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const http = api(world)
    const detach = attachAxios(client, http)
    world.expire()
    const [got, posted] = await Promise.all([http.get('/me'), http.post('/notes', { text: 'note' })])
    expect([got.data.id, JSON.parse(posted.data.body)]).toStrictEqual(['anna', { text: 'note' }])
    expect(world.count('POST /session/refresh')).toBe(1)
    detach()
    world.expire()
    await expect(http.get('/me')).rejects.toMatchObject({ response: { status: 401 } })
  })

  it('repeats a request only once, also if axios does not treat 401 as an error', async () => {
    const world = await openWorld()
    const client = world.client({ onProblem: () => {} })
    await world.login(client)
    const http = api(world)
    attachAxios(client, http)
    let requests = 0
    world.intercept.set('GET /me', () => {
      requests++
      return json(401, { code: 'access_token_expired', refresh: true })
    })
    const response = await http.get('/me', { validateStatus: () => true })
    expect([response.status, requests, world.count('POST /session/refresh')]).toStrictEqual([401, 2, 1])
  })

  it("does not handle the application's own 401 or requests to other hosts", async () => {
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

  it('fails like a request without a network if the refresh fails', async () => {
    const world = await openWorld()
    const client = world.client()
    await world.login(client)
    const http = api(world)
    attachAxios(client, http)
    world.expire()
    world.intercept.set('POST /session/refresh', () => json(503, { code: 'unavailable' }))
    await expect(http.get('/me')).rejects.toMatchObject({ name: 'TypeError', response: { status: 503 } })
    expect(client.session.status).toBe('signed-in')
  })
})
