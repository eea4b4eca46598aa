import type { ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Application } from '../../browser/support/applications.ts'

/** Seconds for which `GET /vault` accepts a login. */
export const RECENT = 600

const PAGE = '<!doctype html><title>page</title><body><script src="/page.js"></script>'
const OWN_PAGE = '<!doctype html><title>page</title><body><script type="module" src="/own.js"></script>'

/**
 * The API of an application, and the page that calls it from another subdomain. `/own` is a page with `pawl/client`.
 * @param script of the page
 */
export function apiApplication(script: string): Application {
  return ({ withSession, notes, script: ownScript }) => {
    const api = withSession(async (req, res, session) => {
      switch (`${req.method} ${pathOf(req.url)}`) {
        case 'POST /login': {
          const { user, role = 'user' } = (await json(req)) as { user: string; role?: string }
          return send(res, 200, await session.create({ userId: user, claims: { role } }))
        }
        case 'GET /me': {
          const { userId, claims } = session
          return send(res, 200, { id: userId, role: (claims as { role?: string }).role })
        }
        case 'POST /notes':
          notes.push(`${session.userId}: ${((await json(req)) as { text: string }).text}`)
          return send(res, 200, { id: session.userId })
        case 'POST /role': {
          const { role, renew } = (await json(req)) as { role: string; renew: boolean }
          if (renew) return send(res, 200, await session.setClaims({ role }, { renew: true }))
          await session.setClaims({ role })
          return send(res, 200, {})
        }
        case 'POST /transfer':
          session.requireCsrfToken()
          return send(res, 200, { id: session.userId })
        case 'POST /leave':
          await session.revoke()
          return send(res, 200, {})
        case 'GET /vault':
          session.requireRecentAuth(RECENT)
          return send(res, 200, { id: session.userId })
        case 'GET /theirs':
          return send(res, 401, { error: `not for ${session.userId}` })
        case 'GET /forbidden':
          return send(res, 403, { error: 'the own 403 of the application' })
        case 'GET /public':
          return send(res, 200, {
            id: session.current?.userId ?? null,
            authorization: req.headers.authorization ?? null,
            mode: req.headers['st-auth-mode'] ?? null,
          })
        default:
          return send(res, 404, {})
      }
    })
    return (req, res) => {
      const path = pathOf(req.url)
      if (path === '/page.js')
        return void res.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
      if (path === '/') return void res.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
      if (path === '/own') return void res.writeHead(200, { 'content-type': 'text/html' }).end(OWN_PAGE)
      if (path === '/own.js')
        return void res.writeHead(200, { 'content-type': 'text/javascript' }).end(ownScript)
      return void api(req, res)
    }
  }
}

function pathOf(url = '/'): string {
  return url.replace(/\?.*$/, '')
}

function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
