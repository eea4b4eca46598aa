import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { SessionClient } from '../../src/client/index.ts'
import { relayTo } from '../support/http-server.ts'
import { defer, openWorld, type User, type World } from './support/world.ts'

const PAGE = join(import.meta.dirname, '../../docs/guides/websockets.md')
const MINUTE = 60_000

type KeepConnected = (url: string, onMessage: (event: MessageEvent) => void) => () => void

/** The loop that the page prints, with these globals. */
async function printedLoop(globals: Readonly<Record<string, unknown>>): Promise<KeepConnected> {
  const [, section = ''] = (await readFile(PAGE, 'utf8')).split('\n## The client\n')
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(section) ?? []
  const script = ts.transpile(code, { target: ts.ScriptTarget.ES2022 })
  return new Function(...Object.keys(globals), `${script}\nreturn keepConnected`)(...Object.values(globals))
}

/** A promise for the next of some values. Values that nobody awaits yet are kept. */
function createQueue<T>(): { put(value: T): void; next(): Promise<T>; readonly size: number } {
  const values: T[] = []
  let arrived = defer()
  return {
    put(value) {
      values.push(value)
      arrived.resolve()
      arrived = defer()
    },
    async next() {
      while (values.length === 0) await arrived.promise
      return values.shift()!
    },
    get size() {
      return values.length
    },
  }
}

interface Pause {
  readonly delay: number
  end(): void
}

interface Page {
  readonly world: World
  readonly client: SessionClient<User>
  /** The sockets that the server has opened. */
  readonly opened: { next(): Promise<WebSocket>; readonly size: number }
  /** The pauses of the loop. */
  readonly pauses: { next(): Promise<Pause>; readonly size: number }
  /** Calls of `client.check`, when they have ended. */
  readonly checks: { next(): Promise<unknown>; readonly size: number }
  cut(): void
  restore(): void
  goOnline(): void
  /** Starts the loop of the page. */
  connect(onMessage?: (event: MessageEvent) => void): () => void
}

const user = async (fetch: typeof globalThis.fetch): Promise<User | null> => {
  const response = await fetch('/me')
  if (response.status === 401) return null
  if (!response.ok) throw new Error(`/me answered ${response.status}`)
  return response.json()
}

/** A signed-in page in front of a server whose network the test can cut. */
async function openPage(withUser: boolean): Promise<Page> {
  const opened = createQueue<WebSocket>()
  const wss = new WebSocketServer({ noServer: true })
  const world = await openWorld({}, (sessions) => (req, socket, head, session) => {
    wss.handleUpgrade(req, socket, head, (ws) => {
      ws.on('error', () => {})
      ws.on(
        'close',
        sessions.onEnded(session.sessionId, (reason) => ws.close(4001, reason)),
      )
      ws.send(`hello ${session.userId}`)
      opened.put(ws)
    })
  })
  const relay = await relayTo('127.0.0.1', Number(new URL(world.origin).port))
  const host = `127.0.0.1:${relay.port}`
  const client = world.client({
    baseUrl: `http://${host}`,
    onProblem: () => {},
    ...(withUser && { user }),
  })
  await world.login(client)

  const checks = createQueue<unknown>()
  const check = async (): Promise<unknown> => {
    try {
      return await client.check()
    } finally {
      checks.put(undefined)
    }
  }
  const pauses = createQueue<Pause>()
  const events = new EventTarget()
  class BrowserSocket extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { cookie: world.jar.header('/') ?? '', 'sec-fetch-site': 'same-origin' } })
      this.on('error', () => {})
    }
  }
  const keepConnected = await printedLoop({
    client: { check },
    WebSocket: BrowserSocket,
    addEventListener: events.addEventListener.bind(events),
    setTimeout: (end: () => void, delay: number) => pauses.put({ end, delay }),
  })
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  return {
    world,
    client,
    opened,
    pauses,
    checks,
    cut: relay.cut,
    restore: relay.restore,
    goOnline: () => void events.dispatchEvent(new Event('online')),
    connect(onMessage = () => {}) {
      const close = keepConnected(`ws://${host}/socket`, onMessage)
      onTestFinished(close)
      return close
    },
  }
}

/** Two turns of the event loop: whatever the page would do now has begun. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe.each([
  ['without', false],
  ['with', true],
])('the loop of the WebSocket guide, %s the `user` option', (_name, withUser) => {
  it('connects again after an outage, with delays that double up to 30 seconds', async () => {
    const page = await openPage(withUser)
    const messages = createQueue<string>()
    page.connect(({ data }) => messages.put(String(data)))
    expect(await messages.next()).toBe('hello anna')
    page.cut()
    const delays: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      const pause = await page.pauses.next()
      delays.push(pause.delay)
      if (attempt === 6) page.restore()
      pause.end()
    }
    expect(await messages.next()).toBe('hello anna')
    const longest = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    expect(delays.map((delay, i) => delay >= longest[i]! / 2 && delay < longest[i]!)).toStrictEqual(
      longest.map(() => true),
    )
    expect(page.client.session.status).toBe('signed-in')
  })

  it('refreshes before it connects with an expired access token', async () => {
    const page = await openPage(withUser)
    page.world.expire()
    page.connect()
    await page.opened.next()
    expect(page.pauses.size).toBe(0)
    expect(page.world.count('POST /session/refresh')).toBe(1)
  })

  it('starts again with a short delay after a socket that stayed open', async () => {
    const page = await openPage(withUser)
    page.connect()
    for (const [age, longest] of [
      [0, 1000],
      [0, 2000],
      [MINUTE, 1000],
      [0, 2000],
    ] as const) {
      const socket = await page.opened.next()
      // The page has seen the socket open once it answers.
      socket.ping()
      await once(socket, 'pong')
      vi.setSystemTime(Date.now() + age)
      socket.terminate()
      const { delay, end } = await page.pauses.next()
      expect([longest, delay >= longest / 2 && delay < longest]).toStrictEqual([longest, true])
      end()
    }
  })

  it('stops when the session is revoked, also if that happened during an outage', async () => {
    const page = await openPage(withUser)
    page.connect()
    await page.opened.next()
    page.cut()
    await page.checks.next()
    const { end } = await page.pauses.next()
    await page.world.sessions.revokeUser('anna')
    end()
    await page.checks.next()
    const pause = await page.pauses.next()
    page.restore()
    pause.end()
    await page.checks.next()
    await settled()
    expect(page.client.session.status).toBe('signed-out')
    expect([page.pauses.size, page.opened.size]).toStrictEqual([0, 0])
    page.goOnline()
    await settled()
    expect(page.checks.size).toBe(0)
  })

  it('connects at once when the browser is online again, and only once', async () => {
    const page = await openPage(withUser)
    page.connect()
    const first = await page.opened.next()
    page.goOnline()
    first.terminate()
    const pause = await page.pauses.next()
    page.goOnline()
    page.goOnline()
    pause.end()
    await page.opened.next()
    await settled()
    expect([page.opened.size, page.pauses.size, page.checks.size]).toStrictEqual([0, 0, 2])
  })

  it('can be closed while it checks, while the socket is open, and during a delay', async () => {
    const page = await openPage(withUser)
    page.connect()()
    await page.checks.next()
    const close = page.connect()
    await page.checks.next()
    const socket = await page.opened.next()
    close()
    await once(socket, 'close')
    const closeLater = page.connect()
    await page.checks.next()
    ;(await page.opened.next()).terminate()
    const { end } = await page.pauses.next()
    closeLater()
    end()
    await settled()
    expect([page.opened.size, page.pauses.size]).toStrictEqual([0, 0])
  })
})
