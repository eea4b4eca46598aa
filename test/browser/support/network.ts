import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { defer } from './defer.ts'
import { identity } from './identity.ts'

/** A request of a browser, as received by the proxy. */
export interface Visit {
  /** `POST /session/refresh`, without the query. */
  readonly request: string
  readonly host: string
  /** Names of the cookies sent with it. */
  readonly cookies: readonly string[]
  readonly headers: IncomingMessage['headers']
  /** Status of the server's response, also if the response was lost. */
  status?: number
}

export interface Answer {
  readonly status: number
  /** Name, value, name, value. */
  readonly headers: readonly string[]
  readonly body: string
}

/** Decides about a request: returns the server's response, another response, or null to break the connection. */
export type Disturbance = (pass: () => Promise<Answer>) => Answer | null | Promise<Answer | null>

/** Stands in front of every proxy, and does what the driver of a browser cannot do. Null breaks the connection. */
export type Interceptor = (req: IncomingMessage, pass: () => Promise<Answer | null>) => Promise<Answer | null>

/** A response that the server has sent, and the browser has not received yet. */
export interface Held {
  /** Settles when the server has answered. */
  readonly answered: Promise<void>
  /** Sends the response to the browser. */
  release(): void
  /** Breaks the connection instead. */
  lose(): void
}

/** A TLS proxy in front of the site, which the test can manipulate. */
export interface Network {
  readonly port: number
  readonly log: Visit[]
  count(request: string): number
  /** Sets the handler for all requests of a kind; null removes it. */
  always(request: string, disturbance: Disturbance | null): void
  /** Adds a handler for the next request of a kind. */
  next(request: string, disturbance: Disturbance): void
  /** Holds back the response to the next request of a kind. */
  hold(request: string): Held
  /** Waits until no request is under way, except those held back, and none follows at once. */
  idle(): Promise<void>
  /** Removes all handlers. */
  calmDown(): void
  /** Sets the port of the application. All other hosts show an empty page. */
  lead(hosts: readonly string[], port: number): void
}

/** The page of a host that is not the application's. */
const ELSEWHERE: Answer = {
  status: 200,
  headers: ['content-type', 'text/html'],
  body: '<!doctype html><title>elsewhere</title>',
}

/** The longest time between a response and the next request of a page, in ms. */
const QUIET = 50

const interceptors = new Set<Interceptor>()

/** @returns a function that removes the interceptor */
export function intercept(interceptor: Interceptor): () => void {
  interceptors.add(interceptor)
  return () => interceptors.delete(interceptor)
}

export async function openNetwork(): Promise<Network> {
  const log: Visit[] = []
  const lasting = new Map<string, Disturbance>()
  const coming = new Map<string, Disturbance[]>()
  let busy = 0
  let changedAt = 0
  let upstream: { hosts: readonly string[]; port: number } = { hosts: [], port: 0 }

  function count(change: 1 | -1): void {
    busy += change
    changedAt = performance.now()
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let pass = () => decide(req)
    for (const interceptor of interceptors) {
      const inner = pass
      pass = () => interceptor(req, inner)
    }
    const answer = await pass()
    if (answer === null) res.destroy()
    else res.writeHead(answer.status, answer.headers as string[]).end(answer.body)
  }

  async function decide(req: IncomingMessage): Promise<Answer | null> {
    const host = req.headers.host!.replace(/:\d+$/, '')
    const name = `${req.method} ${req.url!.replace(/\?.*$/, '')}`
    if (!upstream.hosts.includes(host) || req.url === '/favicon.ico') return ELSEWHERE
    const cookies = (req.headers.cookie ?? '').split('; ').map((pair) => pair.replace(/=.*$/, ''))
    const visit: Visit = {
      request: name,
      host,
      cookies: cookies.filter((cookie) => cookie !== ''),
      headers: req.headers,
    }
    log.push(visit)
    const body = await text(req)
    const pass = async (): Promise<Answer> => {
      const answer = await ask(upstream.port, req, body)
      visit.status = answer.status
      return answer
    }
    const disturbance = coming.get(name)?.shift() ?? lasting.get(name)
    return disturbance === undefined ? pass() : disturbance(pass)
  }

  const server = createServer(identity, (req, res) => {
    // A closed connection needs no response.
    count(+1)
    handle(req, res)
      .catch(() => res.destroy())
      .finally(() => count(-1))
  })
  const sockets = new Set<Duplex>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })

  function next(name: string, disturbance: Disturbance): void {
    coming.set(name, [...(coming.get(name) ?? []), disturbance])
  }

  return {
    port: (server.address() as AddressInfo).port,
    log,
    count: (name) => log.filter((visit) => visit.request === name).length,
    always(name, disturbance) {
      if (disturbance === null) lasting.delete(name)
      else lasting.set(name, disturbance)
    },
    next,
    hold(name) {
      const answered = defer()
      const decided = defer<boolean>()
      next(name, async (pass) => {
        const answer = await pass()
        answered.resolve()
        count(-1)
        const released = await decided.promise
        count(+1)
        return released ? answer : null
      })
      return {
        answered: answered.promise,
        release: () => decided.resolve(true),
        lose: () => decided.resolve(false),
      }
    },
    async idle() {
      while (busy > 0 || performance.now() - changedAt < QUIET) await pause(QUIET / 5)
    },
    calmDown() {
      coming.clear()
      lasting.clear()
    },
    lead(hosts, port) {
      upstream = { hosts, port }
    },
  }
}

/** Loses the response after the server has processed the request. */
export const loseAnswer: Disturbance = async (pass) => {
  await pass()
  return null
}

/** Drops a header of the response, like a proxy that does not know it. */
export function withoutHeader(name: string): Disturbance {
  return async (pass) => {
    const { headers, ...answer } = await pass()
    const kept = headers.filter((_, index) => headers[index - (index % 2)]!.toLowerCase() !== name)
    return { ...answer, headers: kept }
  }
}

/** Drops every cookie, like a browser or a proxy that blocks them. */
export const withoutCookies: Disturbance = withoutHeader('set-cookie')

/** Answers without the server. */
export function answerWith(status: number, headers: Readonly<Record<string, string>> = {}): Disturbance {
  return () => ({ status, headers: Object.entries(headers).flat(), body: '' })
}

async function ask(port: number, req: IncomingMessage, body: string): Promise<Answer> {
  const asked = request({
    host: '127.0.0.1',
    port,
    method: req.method!,
    path: req.url!,
    headers: req.headers,
    agent: false,
  }).end(body)
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  // A proxy does not forward the headers of a connection (RFC 9110 section 7.6.1).
  const headers = answer.rawHeaders.filter((_, index, all) => {
    const name = all[index - (index % 2)]!.toLowerCase()
    return name !== 'connection' && name !== 'keep-alive' && name !== 'transfer-encoding'
  })
  return { status: answer.statusCode!, headers, body: await text(answer) }
}
