import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { NextFetchEvent, NextRequest } from 'next/server.js'
import onHeaders from 'on-headers'
import { onTestFinished, vi } from 'vitest'
import type { NextSessions, RouteHandler } from '../../../src/adapters/next/index.ts'
import type { ClaimsObject } from '../../../src/index.ts'
import { listen } from '../http-server.ts'
import { build } from './build.ts'

/** The behavior that a test gives to the routes, pages and actions that Next serves. */
export interface NextApplication extends NextSessions<ClaimsObject, unknown> {
  /** Answers requests for anything but a page, an action or a route of Pawl. */
  readonly answer: RouteHandler<unknown>
  readonly runProxy: (request: NextRequest, event: NextFetchEvent) => Promise<Response>
  /** The errors that Next reports. */
  readonly errors: unknown[]
}

declare global {
  /** The bundles of Next find an application here, by the header that its server adds. */
  var nextApplications: Map<string, NextApplication> | undefined
}

const APPLICATION_HEADER = 'x-application'
/** The address of the client, as a server in front of Next would add it. */
export const ADDRESS_HEADER = 'x-client-address'
/** The names that Next adds to `Vary` in every response. */
const ADDED_BY_NEXT = /^(?:rsc|next-router-[\w-]+)$/

let next: Promise<RequestListener> | null = null

/** Starts Next once for all applications of this process. The first build takes half a minute. */
export function startNext(): Promise<RequestListener> {
  next ??= prepare()
  return next
}

async function prepare(): Promise<RequestListener> {
  process.env['NEXT_TELEMETRY_DISABLED'] = '1'
  const dir = await build()
  const createNext = createRequire(import.meta.url)('next') as typeof import('next').default
  // After an action that redirects, Next requests the next page from itself, at its configured port.
  const own = createServer((req, res) => void handle(req, res)).listen(0, '127.0.0.1')
  await once(own, 'listening')
  own.unref()
  const { port } = own.address() as AddressInfo
  const server = createNext({ dir, dev: false, quiet: true, hostname: '127.0.0.1', port })
  // Next logs that it has read its configuration, even with `quiet`.
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  await server.prepare()
  log.mockRestore()
  const handle = server.getRequestHandler()
  return handle
}

/** Serves an application until the test is done. @returns the port */
export async function serve(application: NextApplication): Promise<number> {
  const handle = await startNext()
  const id = randomUUID()
  globalThis.nextApplications ??= new Map()
  globalThis.nextApplications.set(id, application)
  onTestFinished(() => void globalThis.nextApplications?.delete(id))
  return listen((req, res) => {
    req.headers[APPLICATION_HEADER] = id
    req.headers[ADDRESS_HEADER] = req.socket.remoteAddress
    onHeaders(res, () => removeVaryOfNext(res))
    return handle(req, res)
  })
}

function removeVaryOfNext(res: ServerResponse): void {
  const names = String(res.getHeader('vary') ?? '').split(/, */)
  const kept = names.filter((name) => name !== '' && !ADDED_BY_NEXT.test(name))
  if (kept.length === 0) res.removeHeader('vary')
  else res.setHeader('vary', kept.join(', '))
}
