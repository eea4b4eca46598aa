import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import express, { type RequestHandler } from 'express'
import ts from 'typescript'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { expressSessions, type SessionOf, sessionOf } from '../../src/adapters/express/index.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import type { Sessions } from '../../src/index.ts'
import { type Client, createClient, HOST } from '../support/http-client.ts'
import { listen, type UpgradeListener } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'

const PAGE = join(import.meta.dirname, '../../docs/guides/websockets.md')

interface Timer {
  readonly delay: number
  isCleared: boolean
  fire(): void
}

interface Printed {
  readonly upgrade: UpgradeListener
  readonly timers: Timer[]
  /** The ids of the sessions that it listens to. A stopped listener leaves them. */
  readonly listening: string[]
}

/** The first code of the page. */
async function printedListener(sessions: Sessions): Promise<Printed> {
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(await readFile(PAGE, 'utf8')) ?? []
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 }
  const timers: Timer[] = []
  const listening: string[] = []
  let upgrade: UpgradeListener | undefined
  const names = {
    sessions: {
      onEnded(...given: Parameters<Sessions['onEnded']>) {
        const stop = sessions.onEnded(...given)
        listening.push(given[0])
        return () => {
          stop()
          listening.splice(listening.indexOf(given[0]), 1)
        }
      },
    },
    exports: {},
    require: (name: string) =>
      name === 'ws' ? { WebSocketServer } : { nodeSessions: () => nodeSessions(sessions) },
    app: { listen: () => ({ on: (_event: string, listener: UpgradeListener) => (upgrade = listener) }) },
    setTimeout(end: (reason: string) => void, delay: number, reason: string): Timer {
      const timer = { delay, isCleared: false, fire: () => end(reason) }
      timers.push(timer)
      return timer
    },
    clearTimeout(timer: Timer) {
      timer.isCleared = true
    },
  }
  new Function(...Object.keys(names), ts.transpileModule(code, { compilerOptions }).outputText)(
    ...Object.values(names),
  )
  return { upgrade: upgrade!, timers, listening }
}

async function openApp() {
  const sessions: Sessions = await openSessions({ accessToken: { lifetime: 300 } })
  const { upgrade, ...printed } = await printedListener(sessions)
  const route =
    (handler: (session: SessionOf<Sessions>) => Promise<unknown>): RequestHandler =>
    async (req, res) =>
      void res.json(await handler(sessionOf(req, sessions)))
  const app = express()
  app.use(expressSessions(sessions))
  app.post(
    '/login',
    route((session) => session.create({ userId: 'root', claims: {} })),
  )
  app.post(
    '/act-as',
    route((session) => session.actAs({ userId: 'anna', claims: {} })),
  )
  const port = await listen(app, upgrade)
  const client = createClient(port)
  expect((await client.send('POST', '/login')).status).toBe(200)
  return { sessions, ...printed, client, connect: () => connect(port, client) }
}

async function connect(port: number, { jar }: Client): Promise<WebSocket> {
  const headers = { host: HOST, cookie: jar.header('/') ?? '', 'sec-fetch-site': 'same-origin' }
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { headers })
  onTestFinished(() => ws.terminate())
  await once(ws, 'open')
  return ws
}

async function answerOf(ws: WebSocket): Promise<string> {
  ws.send('hello')
  return String((await once(ws, 'message'))[0])
}

async function endOf(ws: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = await once(ws, 'close')
  return [code, String(reason)]
}

it('closes the socket of an acting session when its access token expires', async () => {
  const { timers, client, connect } = await openApp()
  const own = await connect()
  expect([await answerOf(own), timers]).toStrictEqual(['root says hello', []])
  expect((await client.send('POST', '/act-as')).status).toBe(200)
  const acting = await connect()
  expect(await answerOf(acting)).toBe('anna says hello')
  expect(timers).toHaveLength(1)
  expect(timers[0]!.delay).toBeGreaterThan(250_000)
  expect(timers[0]!.delay).toBeLessThanOrEqual(301_000)
  const ended = endOf(acting)
  timers[0]!.fire()
  expect(await ended).toStrictEqual([4001, 'acting'])
  expect(await answerOf(own)).toBe('root says hello')
})

it('leaves no timer and no listener when the client of an acting session closes', async () => {
  const { timers, listening, client, connect } = await openApp()
  const own = await connect()
  expect(await answerOf(own)).toBe('root says hello')
  const [rootId] = listening
  await client.send('POST', '/act-as')
  const acting = await connect()
  expect(await answerOf(acting)).toBe('anna says hello')
  expect(listening).toStrictEqual([rootId, expect.any(String), rootId])
  acting.close()
  await expect.poll(() => [listening, timers[0]!.isCleared]).toStrictEqual([[rootId], true])
  own.close()
  await expect.poll(() => listening).toStrictEqual([])
})

it('closes the socket of an acting session when the session of the administrator ends', async () => {
  const { sessions, client, connect } = await openApp()
  await client.send('POST', '/act-as')
  const ended = endOf(await connect())
  await sessions.revokeUser('root')
  expect(await ended).toStrictEqual([4001, 'revoked'])
})
