import { readFile } from 'node:fs/promises'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { expressSessions } from '../../src/adapters/express/index.ts'
import { fastifySessions } from '../../src/adapters/fastify/index.ts'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { h3Sessions } from '../../src/adapters/h3/index.ts'
import { honoSessions } from '../../src/adapters/hono/index.ts'
import { koaSessions } from '../../src/adapters/koa/index.ts'
import { nextSessions } from '../../src/adapters/next/index.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import type { Sessions } from '../../src/index.ts'
import { openSessions } from '../support/sessions.ts'

type Call = (...given: unknown[]) => unknown
/** A framework's way to call a handler or a plugin. */
type Framework = (handler: Call, request: IncomingMessage, response: ServerResponse) => unknown

const FETCH_REQUEST = new Request('http://localhost/')
const next = (): void => {}
const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  'node:http': (handler, request, response) => handler(request, response),
  Express: (handler, request, response) => handler(request, response, next),
  'Koa 1': (handler, request, response) => handler.call({ req: request, res: response }, next),
  'Hono or h3 2 without Node.js': (handler) =>
    handler({ req: { raw: FETCH_REQUEST, headers: FETCH_REQUEST.headers } }),
  'h3 1': (handler, request, response) =>
    handler({ node: { req: request, res: response }, req: request, res: response }),
  Fetch: (handler) => handler(FETCH_REQUEST, { waitUntil() {} }),
  nothing: (handler) => handler(),
}

const ALL_BUT_ITS_OWN = [
  'node:http',
  'Express',
  'Koa 1',
  'Hono or h3 2 without Node.js',
  'h3 1',
  'Fetch',
  'nothing',
]

const ADAPTERS: readonly {
  readonly name: string
  readonly peer?: string
  /** The frameworks that it does not know. */
  readonly unknown: readonly string[]
  readonly handlerOf: (sessions: Sessions) => unknown
}[] = [
  {
    name: 'expressSessions',
    peer: 'express',
    unknown: ['node:http', 'Koa 1', 'Hono or h3 2 without Node.js', 'h3 1', 'Fetch', 'nothing'],
    handlerOf: (sessions) => expressSessions(sessions),
  },
  {
    name: 'fastifySessions',
    peer: 'fastify',
    unknown: ALL_BUT_ITS_OWN,
    handlerOf: (sessions) => fastifySessions(sessions),
  },
  {
    name: 'h3Sessions',
    peer: 'h3',
    unknown: ALL_BUT_ITS_OWN,
    handlerOf: (sessions) => h3Sessions(sessions),
  },
  {
    name: 'honoSessions',
    peer: 'hono',
    unknown: ALL_BUT_ITS_OWN,
    handlerOf: (sessions) => honoSessions(sessions),
  },
  {
    name: 'koaSessions',
    peer: 'koa',
    unknown: ALL_BUT_ITS_OWN,
    handlerOf: (sessions) => koaSessions(sessions),
  },
  {
    name: 'nextSessions',
    peer: 'next',
    unknown: ['node:http', 'Express', 'Koa 1', 'h3 1', 'nothing'],
    handlerOf: (sessions) =>
      nextSessions(sessions, { name: 'unknown frameworks' }).route(() => new Response(), {}),
  },
  {
    name: 'fetchSessions',
    unknown: ['node:http', 'Express', 'Koa 1', 'h3 1', 'nothing'],
    handlerOf: (sessions) => {
      const withSession = fetchSessions(sessions)
      return (request: Request) => withSession(request, () => new Response())
    },
  },
  {
    name: 'nodeSessions',
    unknown: ['Koa 1', 'Hono or h3 2 without Node.js', 'h3 1', 'Fetch', 'nothing'],
    handlerOf: (sessions) => nodeSessions(sessions)(() => {}),
  },
]
const CASES = ADAPTERS.flatMap((adapter) => adapter.unknown.map((framework) => ({ ...adapter, framework })))

describe('an adapter', () => {
  it.each(CASES)(
    '$name refuses $framework in words before it writes',
    async ({ name, framework, peer, handlerOf }) => {
      const request = new IncomingMessage(new Socket())
      const response = new ServerResponse(request)
      const handler = handlerOf(await openSessions()) as Call
      const call = async (): Promise<unknown> => FRAMEWORKS[framework]!(handler, request, response)
      const { message } = await call().then(
        () => expect.unreachable(),
        (error: unknown) => error as Error,
      )
      expect(message).toMatch(new RegExp(`^${name}\\(\\) works with .+, and something else`))
      expect([response.getHeaderNames(), response.headersSent]).toStrictEqual([[], false])
      if (peer === undefined) return
      const { peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'))
      for (const [major] of String(peerDependencies[peer]).matchAll(/(?<=\^)\d+/g))
        expect(message).toContain(major)
    },
  )
})
