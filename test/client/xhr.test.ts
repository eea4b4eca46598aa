import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { attachXhr } from '../../src/client/attach-xhr.ts'
import { fakeXhr } from './support/fake-xhr.ts'
import { defer, json, openWorld, until, type World } from './support/world.ts'

const EVENTS = ['readystatechange', 'loadstart', 'progress', 'load', 'error', 'loadend']

/** Sends one, and notes what its listeners see. */
function ask(url: string, body?: string): { xhr: XMLHttpRequest; seen: string[]; done: Promise<void> } {
  const xhr = new XMLHttpRequest()
  const seen: string[] = []
  for (const type of EVENTS)
    xhr.addEventListener(type, () => seen.push(type === 'readystatechange' ? `${xhr.readyState}` : type))
  const done = new Promise<void>((resolve) => xhr.addEventListener('loadend', () => resolve()))
  xhr.open(body === undefined ? 'GET' : 'POST', url)
  xhr.setRequestHeader('x-mine', 'yes')
  xhr.send(body)
  return { xhr, seen, done }
}

async function open(): Promise<World> {
  const world = await openWorld()
  vi.stubGlobal('XMLHttpRequest', fakeXhr(world.fetch))
  onTestFinished(() => void vi.unstubAllGlobals())
  return world
}

describe('attachXhr', () => {
  it('repeats after a refresh, and the listeners see one request', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    const Original = XMLHttpRequest
    const undo = attachXhr(client)
    world.expire()
    const { xhr, seen, done } = ask(`${world.origin}/notes`, 'note')
    await done
    expect(xhr).toBeInstanceOf(Original)
    expect([xhr.status, JSON.parse(xhr.responseText)]).toMatchObject([200, { id: 'anna', body: 'note' }])
    expect(seen).toStrictEqual(['1', 'loadstart', '2', '3', 'progress', '4', 'load', 'loadend'])
    expect([world.count('POST /notes'), world.count('POST /session/refresh')]).toStrictEqual([2, 1])
    undo()
    expect(XMLHttpRequest).toBe(Original)
  })

  it('repeats once and no more', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    let asked = 0
    world.disturb.set('GET /me', (_pass, { headers }) => {
      expect(headers.get('x-mine')).toBe('yes')
      asked++
      return json(401, { code: 'access_token_expired', refresh: true })
    })
    const { xhr, done } = ask(`${world.origin}/me`)
    await done
    expect([xhr.status, asked, world.count('POST /session/refresh')]).toStrictEqual([401, 2, 1])
  })

  it("hands over the application's own 401, and leaves other hosts alone", async () => {
    const world = await open()
    attachXhr(world.client())
    const own = ask(`${world.origin}/theirs`)
    await own.done
    expect([own.xhr.status, own.xhr.responseText]).toStrictEqual([401, '{"error":"not ours"}'])
    expect(own.seen.slice(-3)).toStrictEqual(['4', 'load', 'loadend'])
    world.disturb.set('GET /else', (_pass, { credentials }) =>
      json(401, { code: 'x', refresh: true, credentials }),
    )
    const other = ask('http://other.example/else')
    await other.done
    expect(JSON.parse(other.xhr.responseText).credentials).toBe('same-origin')
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('looks like a request without a network when the refresh gets no answer', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    world.expire()
    world.disturb.set('POST /session/refresh', () => Promise.reject(new TypeError('offline')))
    const { seen, done } = ask(`${world.origin}/me`)
    await done
    expect(seen.slice(-2)).toStrictEqual(['error', 'loadend'])
    expect(seen).not.toContain('load')
    expect(client.session.status).toBe('signed-in')
  })

  it('is not repeated once it was aborted', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    world.expire()
    const late = defer()
    world.disturb.set('POST /session/refresh', async (pass) => {
      await late.promise
      return pass()
    })
    const { xhr, seen } = ask(`${world.origin}/me`)
    await until(() => expect(world.count('GET /me')).toBe(1))
    await until(() => expect(xhr.readyState).toBe(4))
    xhr.abort()
    late.resolve()
    await client.fetch('/me')
    expect(world.count('GET /me')).toBe(2)
    expect(seen).not.toContain('load')
  })
})
