import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createSessionClient } from '../../src/client/development.ts'
import { json, openWorld } from './support/world.ts'

function warnings(): string[] {
  const texts: string[] = []
  const spy = vi.spyOn(console, 'warn').mockImplementation((text: string) => void texts.push(text))
  onTestFinished(() => spy.mockRestore())
  return texts
}

describe('the client of a development server', () => {
  it.each<[string, object]>([
    ['does not take `baseURL`', { baseURL: 'https://api.example.com' }],
    ['`baseUrl` must be', { baseUrl: 'api.example.com' }],
    ['`baseUrl` must be', { baseUrl: '//api.example.com' }],
    ['`baseUrl` must be', { baseUrl: 'https://anna:secret@api.example.com' }],
    ['`baseUrl` must be', { baseUrl: 'https://api.example.com?version=1' }],
    ['`path` must look like', { path: 'session' }],
    ['`path` must look like', { path: '/session/' }],
    ['`path` must look like', { path: '' }],
  ])('refuses what is wrong: %s', (message, options) => {
    expect(() => createSessionClient(options)).toThrow(message)
  })

  it.each([
    {},
    { baseUrl: '/api' },
    { baseUrl: 'https://api.example.com/v1/', path: '/auth/session' },
    { baseUrl: 'http://[::1]:3000' },
  ])('accepts %j', (options) => {
    expect(createSessionClient(options).session.status).toBe('unknown')
  })

  it("warns once of a request with the application's own token", async () => {
    const texts = warnings()
    const client = createSessionClient({
      baseUrl: 'https://api.example.com',
      fetch: async () => json(401, {}),
    })
    const headers = { authorization: 'Bearer of-another-service' }
    await client.fetch('/me', { headers: { authorization: 'Basic eA==' } })
    await client.fetch('https://other.example/me', { headers })
    expect(texts).toStrictEqual([])
    await client.fetch('/me', { headers })
    await client.fetch(new Request('https://api.example.com/me', { headers }))
    expect(texts).toStrictEqual([expect.stringContaining('It goes out without the session')])
  })

  it('warns of a login that runs for 10 s', async () => {
    const texts = warnings()
    const world = await openWorld()
    const client = createSessionClient({ baseUrl: world.origin, fetch: world.fetch })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const stuck = client.signIn(() => client.signIn(() => null).then(() => null))
      await vi.advanceTimersByTimeAsync(9_999)
      expect(texts).toStrictEqual([])
      await vi.advanceTimersByTimeAsync(1)
      expect(texts).toStrictEqual([expect.stringContaining('must not wait for another `signIn`')])
      await vi.advanceTimersByTimeAsync(60_000)
      expect(await stuck).toBe(false)
    } finally {
      vi.useRealTimers()
    }
    expect(client.session.status).toBe('unknown')
  })
})
