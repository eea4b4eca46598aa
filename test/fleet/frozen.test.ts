import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { type Bundle, bundle } from './bundle.ts'
import type { FrozenServerConfig } from './frozen-server.ts'
import { type StallingProxy, startStallingProxy } from './stalling-proxy.ts'
import { until } from './until.ts'

/** Longer than a beat of the event loop may take. */
const FREEZE = 1000
/** Longer than by default, because a busy machine is slow to connect again. */
const CATCHES_UP = { catchUpTimeout: 5 }
/** No poll comes by itself during a test. */
const RARELY = { ...CATCHES_UP, pollInterval: 60 }
const SERVERLESS = { listen: false, serverless: true }

const url = await createDatabase()
let program: Bundle
let proxy: StallingProxy

beforeAll(async () => {
  program = await bundle(new URL('./frozen-server.ts', import.meta.url))
  proxy = await startStallingProxy(url)
})
afterAll(async () => {
  await proxy.close()
  await program.remove()
})

/** Another process, which the test does not freeze. */
const open = () => openSessions({ store: postgres({ connectionString: url, listen: false }) })

async function startServer(config: Partial<FrozenServerConfig> = {}) {
  const full: FrozenServerConfig = { url, secret: SECRET, listen: true, revocation: RARELY, ...config }
  const child: ChildProcess = fork(program.path, {
    env: { ...process.env, SERVER_CONFIG: JSON.stringify(full), NODE_ENV: 'test' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [port] = (await once(child, 'message')) as [number]
  const ask = async (path: string, accessToken?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
    })
  const server = {
    ask,
    /** The request arrives while the process is frozen. @returns the status that it gets once the process goes on */
    async askFrozen(accessToken: string, meanwhile: () => Promise<unknown>): Promise<number> {
      child.kill('SIGSTOP')
      const answered = ask('/', accessToken)
      await Promise.all([meanwhile(), sleep(FREEZE)])
      child.kill('SIGCONT')
      return (await answered).status
    },
    async moveClock(milliseconds: number): Promise<void> {
      child.send(milliseconds)
      await once(child, 'message')
    },
    async stop(): Promise<void> {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
  if (full.listen)
    await until('LISTEN works', 10_000, async () => (await (await ask('/listening')).text()) === 'true')
  return server
}

describe('a process that was frozen', () => {
  it.each([
    ['with LISTEN', {}],
    ['that polls', { listen: false }],
    ['with `serverless`', { ...SERVERLESS, revocation: { ...CATCHES_UP, pollInterval: 0.5 } }],
  ])('%s knows with its first request who was signed out meanwhile', async (_, config) => {
    const [sessions, server] = [await open(), await startServer(config)]
    try {
      for (let round = 0; round < 4; round++) {
        const [ended, other] = [
          await sessions.create({ userId: 'a' }),
          await sessions.create({ userId: 'b' }),
        ]
        expect((await server.ask('/', ended.accessToken.value)).status).toBe(200)
        const status = await server.askFrozen(ended.accessToken.value, () =>
          sessions.revoke(ended.session.sessionId),
        )
        expect(status).toBe(401)
        expect((await server.ask('/', other.accessToken.value)).status).toBe(200)
      }
    } finally {
      await server.stop()
    }
  })

  it('knows it also if its connections died meanwhile', async () => {
    const [sessions, server] = [await open(), await startServer({ url: proxy.through(url) })]
    try {
      const { session, accessToken } = await sessions.create({ userId: 'u' })
      expect((await server.ask('/', accessToken.value)).status).toBe(200)
      const status = await server.askFrozen(accessToken.value, async () => {
        await sessions.revoke(session.sessionId)
        proxy.cut()
      })
      expect(status).toBe(401)
    } finally {
      await server.stop()
    }
  })

  it('answers without news if the database does not, and catches up later', async () => {
    const [sessions, server] = [
      await open(),
      await startServer({ url: proxy.through(url), listen: false, revocation: { pollInterval: 60 } }),
    ]
    try {
      const { session, accessToken } = await sessions.create({ userId: 'u' })
      proxy.stall()
      const status = await server.askFrozen(accessToken.value, () => sessions.revoke(session.sessionId))
      expect(status).toBe(200)
      proxy.resume()
      await until('the process learns of the revocation', 10_000, async () => {
        return (await server.ask('/', accessToken.value)).status === 401
      })
    } finally {
      await server.stop()
    }
  })

  it('refuses instead with `onStale: refuse`', async () => {
    const [sessions, server] = [
      await open(),
      await startServer({
        url: proxy.through(url),
        listen: false,
        revocation: { pollInterval: 0.2, maxStaleness: 0.9, onStale: 'refuse' },
      }),
    ]
    try {
      const { accessToken } = await sessions.create({ userId: 'u' })
      // The staleness counts from the start of the process, which may take that long.
      await until('the process is current', 20_000, async () => {
        return (await server.ask('/', accessToken.value)).status === 200
      })
      proxy.stall()
      expect(await server.askFrozen(accessToken.value, async () => {})).toBe(503)
      proxy.resume()
      await until('the process is current', 20_000, async () => {
        return (await server.ask('/', accessToken.value)).status === 200
      })
    } finally {
      await server.stop()
    }
  })
})

it.each([
  ['by timers', { listen: false }],
  ['by a request, with `serverless`', SERVERLESS],
])('a machine that slept, so that only its wall clock moved, is noticed %s', async (_, config) => {
  const [sessions, server] = [await open(), await startServer(config)]
  try {
    let token = ''
    // A busy machine may freeze the process, which then knows before its clock moves. So it may once.
    for (let round = 1; token === ''; round++) {
      const { session, accessToken } = await sessions.create({ userId: 'u' })
      expect((await server.ask('/', accessToken.value)).status).toBe(200)
      await sessions.revoke(session.sessionId)
      const { status } = await server.ask('/', accessToken.value)
      if (status === 200) token = accessToken.value
      else expect([status, round]).toStrictEqual([401, 1])
    }
    await server.moveClock(20 * 60_000)
    expect((await server.ask('/', token)).status).toBe(401)
  } finally {
    await server.stop()
  }
})

it('a process that is killed while it writes what a request proved logs nobody out', async () => {
  const [sessions, server] = [await open(), await startServer({ ...SERVERLESS, url: proxy.through(url) })]
  const { session, refreshToken } = await sessions.create({ userId: 'u' })
  const refreshed = await sessions.refresh(refreshToken.value)
  // Its connections are open, and it has not seen the new token yet.
  expect((await server.ask('/')).status).toBe(401)
  proxy.stall()
  const answer = server.ask('/', refreshed.accessToken.value).catch(() => null)
  await sleep(100)
  await server.stop()
  expect(await answer).toBeNull()
  proxy.resume()
  const row = await sessions.get(session.sessionId)
  expect(row).toMatchObject({ generation: 0, endedAt: null })
  await sessions.refresh(refreshed.refreshToken!.value)
  expect(await sessions.get(session.sessionId)).toMatchObject({ generation: 1, endedAt: null })
})
