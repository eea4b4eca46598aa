import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { attachXhr } from '../../src/client/attach-xhr.ts'
import { memoryTokens } from '../../src/client/index.ts'
import { fakeXhr } from './support/fake-xhr.ts'
import { defer, json, openWorld, until, type World } from './support/world.ts'

const EVENTS = ['readystatechange', 'loadstart', 'progress', 'load', 'error', 'abort', 'loadend']

/** Sends a request, and records the events that its listeners see. */
function sendXhr(
  url: string,
  body?: string,
  headers: Record<string, string> = {},
): { xhr: XMLHttpRequest; events: string[]; done: Promise<void> } {
  const xhr = new XMLHttpRequest()
  const events: string[] = []
  for (const type of EVENTS)
    xhr.addEventListener(type, () => events.push(type === 'readystatechange' ? `${xhr.readyState}` : type))
  const done = new Promise<void>((resolve) => xhr.addEventListener('loadend', () => resolve()))
  xhr.open(body === undefined ? 'GET' : 'POST', url)
  xhr.setRequestHeader('x-mine', 'yes')
  for (const name in headers) xhr.setRequestHeader(name, headers[name]!)
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

  it('sends the token that it has, not the one that the application set as well', async () => {
    const world = await open()
    const client = world.client({ tokens: memoryTokens() })
    await world.login(client)
    attachXhr(client)
    const { xhr, done } = sendXhr(`${world.origin}/me`, undefined, { Authorization: 'Bearer old' })
    await done
    expect([xhr.status, world.count('GET /me')]).toStrictEqual([200, 1])
  })

  it('leaves a request with the token of another service alone', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    const { xhr, done } = sendXhr(`${world.origin}/me`, undefined, { Authorization: 'Bearer of-theirs' })
    await done
    expect([xhr.status, xhr.withCredentials, client.session.status]).toStrictEqual([401, false, 'signed-in'])
    expect(world.count('POST /session/refresh')).toBe(0)
  })

  it.each(['a HEAD', 'a document'])(
    'refreshes before it asks for %s, whose 401 gives no reason',
    async (kind) => {
      const world = await open()
      await world.login(world.client())
      world.expire()
      // Another tab, which does not know when the access token expires.
      attachXhr(world.client())
      const xhr = new XMLHttpRequest()
      const done = new Promise((resolve) => xhr.addEventListener('loadend', resolve))
      xhr.open(kind === 'a HEAD' ? 'HEAD' : 'GET', `${world.origin}/me`)
      if (kind === 'a document') xhr.responseType = 'document'
      xhr.send()
      await done
      expect([xhr.status, world.count('POST /session/refresh')]).toStrictEqual([200, 1])
    },
  )

  it('keeps the response type where a request can be opened only once, as in React Native', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    const Fake = XMLHttpRequest
    vi.stubGlobal(
      'XMLHttpRequest',
      class extends Fake {
        override open(method: string, url: string | URL): void {
          if (this.readyState > 0) throw new Error('Cannot open, already sending')
          super.open(method, url)
        }
        override abort(): void {
          super.abort()
          this.responseType = ''
        }
      },
    )
    attachXhr(client)
    world.expire()
    const xhr = new XMLHttpRequest()
    const done = new Promise((resolve) => xhr.addEventListener('loadend', resolve))
    xhr.open('GET', `${world.origin}/me`)
    xhr.responseType = 'json'
    xhr.send()
    await done
    expect([xhr.status, xhr.responseType, world.count('GET /me')]).toStrictEqual([200, 'json', 2])
  })

  it('fires one error, and no load, if the body of a 401 breaks off', async () => {
    const world = await open()
    attachXhr(world.client())
    world.intercept.set('GET /me', () => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })
      return new Response(body, { status: 401 })
    })
    const { events, done } = sendXhr(`${world.origin}/me`)
    await done
    expect(events).toStrictEqual(['1', 'loadstart', '4', 'error', 'loadend'])
  })

  it('fires abort and loadend, also while it waits for a refresh', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    attachXhr(client)
    world.expire()
    world.intercept.set('POST /session/refresh', () => new Promise(() => {}))
    const { xhr, events } = sendXhr(`${world.origin}/me`)
    await until(() => expect(xhr.readyState).toBe(4))
    xhr.abort()
    expect(events).toStrictEqual(['1', 'loadstart', 'abort', 'loadend'])
  })

  it('only passes requests on after it is detached, and keeps what replaced it since', async () => {
    const world = await open()
    const client = world.client()
    await world.login(client)
    const detach = attachXhr(client)
    const Later = class extends XMLHttpRequest {}
    vi.stubGlobal('XMLHttpRequest', Later)
    detach()
    expect(XMLHttpRequest).toBe(Later)
    world.expire()
    const { xhr, done } = sendXhr(`${world.origin}/me`)
    await done
    expect([xhr.status, world.count('POST /session/refresh')]).toStrictEqual([401, 0])
  })

  it('refuses a second send at once, as natively', async () => {
    const world = await open()
    attachXhr(world.client())
    const { xhr, done } = sendXhr(`${world.origin}/public`)
    await done
    expect(() => xhr.send()).toThrow('InvalidStateError')
  })
})
