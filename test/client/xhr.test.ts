import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { attachXhr } from '../../src/client/attach-xhr.ts'
import { fakeXhr } from './support/fake-xhr.ts'
import { defer, json, openWorld, until, type World } from './support/world.ts'

const EVENTS = ['readystatechange', 'loadstart', 'progress', 'load', 'error', 'loadend']

/** Sends a request, and records the events that its listeners see. */
function sendXhr(url: string, body?: string): { xhr: XMLHttpRequest; events: string[]; done: Promise<void> } {
  const xhr = new XMLHttpRequest()
  const events: string[] = []
  for (const type of EVENTS)
    xhr.addEventListener(type, () => events.push(type === 'readystatechange' ? `${xhr.readyState}` : type))
  const done = new Promise<void>((resolve) => xhr.addEventListener('loadend', () => resolve()))
  xhr.open(body === undefined ? 'GET' : 'POST', url)
  xhr.setRequestHeader('x-mine', 'yes')
  xhr.send(body)
  return { xhr, events, done }
}

async function open(): Promise<World> {
  const world = await openWorld()
  vi.stubGlobal('XMLHttpRequest', fakeXhr(world.fetch))
  onTestFinished(() => void vi.unstubAllGlobals())
  return world
}

describe('attachXhr', () => {
  it('repeats a request after a refresh, and its listeners see one request', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    const Original = XMLHttpRequest
    const detach = attachXhr(client)
    world.expire()
    const { xhr, events, done } = sendXhr(`${world.origin}/notes`, 'note')
    await done
    expect(xhr).toBeInstanceOf(Original)
    expect([xhr.status, JSON.parse(xhr.responseText)]).toMatchObject([200, { id: 'anna', body: 'note' }])
    expect(events).toStrictEqual(['1', 'loadstart', '2', '3', 'progress', '4', 'load', 'loadend'])
    expect([world.count('POST /notes'), world.count('POST /session/refresh')]).toStrictEqual([2, 1])
    detach()
    expect(XMLHttpRequest).toBe(Original)
  })

  it('repeats a request only once', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    let requests = 0
    world.intercept.set('GET /me', (_pass, { headers }) => {
      expect(headers.get('x-mine')).toBe('yes')
      requests++
      return json(401, { code: 'access_token_expired', refresh: true })
    })
    const { xhr, done } = sendXhr(`${world.origin}/me`)
    await done
    expect([xhr.status, requests, world.count('POST /session/refresh')]).toStrictEqual([401, 2, 1])
  })

  it("does not handle the application's own 401 or requests to other hosts", async () => {
    const world = await open()
    attachXhr(world.client())
    const own = sendXhr(`${world.origin}/theirs`)
    await own.done
    expect([own.xhr.status, own.xhr.responseText]).toStrictEqual([401, '{"error":"not ours"}'])
    expect(own.events.slice(-3)).toStrictEqual(['4', 'load', 'loadend'])
    world.intercept.set('GET /else', (_pass, { credentials }) =>
      json(401, { code: 'x', refresh: true, credentials }),
    )
    const other = sendXhr('http://other.example/else')
    await other.done
    expect(JSON.parse(other.xhr.responseText).credentials).toBe('same-origin')
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it('fails like a request without a network if the refresh gets no response', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    world.expire()
    world.intercept.set('POST /session/refresh', () => Promise.reject(new TypeError('offline')))
    const { events, done } = sendXhr(`${world.origin}/me`)
    await done
    expect(events.slice(-2)).toStrictEqual(['error', 'loadend'])
    expect(events).not.toContain('load')
    expect(client.session.status).toBe('signed-in')
  })

  it('does not repeat an aborted request', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    world.expire()
    const late = defer()
    world.intercept.set('POST /session/refresh', async (pass) => {
      await late.promise
      return pass()
    })
    const { xhr, events } = sendXhr(`${world.origin}/me`)
    await until(() => expect(world.count('GET /me')).toBe(1))
    await until(() => expect(xhr.readyState).toBe(4))
    xhr.abort()
    late.resolve()
    await client.fetch('/me')
    expect(world.count('GET /me')).toBe(2)
    expect(events).not.toContain('load')
  })
})
