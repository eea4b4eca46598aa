import type { RequestListener, ServerResponse } from 'node:http'
import { json, text } from 'node:stream/consumers'
import type { WithSession } from '../../../src/adapters/node/index.ts'
import type { ClaimsObject } from '../../../src/index.ts'

export interface ApplicationParts {
  readonly withSession: WithSession<ClaimsObject, unknown>
  readonly notes: string[]
  /** The script of the page that uses the client. */
  readonly script: string
}

export type Application = (parts: ApplicationParts) => RequestListener

const CLIENT_PAGE = '<!doctype html><title>page</title><body><script type="module" src="/page.js"></script>'

/** A single-page application: one page, and the API that it calls. `/doc` is rendered on the server. */
export const pageApplication: Application = ({ withSession, notes, script }) => {
  const api = withSession(async (req, res, session) => {
    switch (`${req.method} ${pathOf(req.url)}`) {
      case 'POST /login': {
        const { user } = (await json(req)) as { user: string }
        return sendJson(res, 200, await session.create({ userId: user }))
      }
      case 'GET /me':
        return sendJson(res, 200, { id: session.userId })
      case 'GET /doc':
        return send(res, 200, 'text/html', `<!doctype html><title>doc of ${session.userId}</title>`)
      case 'POST /notes':
        notes.push(`${session.userId}: ${await text(req)}`)
        return sendJson(res, 200, { id: session.userId })
      default:
        return sendJson(res, 404, {})
    }
  })
  return (req, res) => {
    const path = pathOf(req.url)
    if (path === '/page.js') return send(res, 200, 'text/javascript', script)
    if (path === '/' || path === '/other') return send(res, 200, 'text/html', CLIENT_PAGE)
    return void api(req, res)
  }
}

/** Server-rendered pages with forms, without scripts. */
export const classicApplication: Application = ({ withSession, notes }) => {
  const home = withSession(
    (_req, res, { current }) =>
      send(
        res,
        200,
        'text/html',
        current === null
          ? '<!doctype html><title>sign in</title><form method="post" action="/login"><input name="user"><button>Sign in</button></form>'
          : `<!doctype html><title>notes</title><h1>Hello ${current.userId}</h1>
             <form method="post" action="/notes"><input name="text"><button>Write</button></form>
             <form method="post" action="/leave"><button>Sign out</button></form>
             <ul>${notes.map((note) => `<li>${note}</li>`).join('')}</ul>`,
      ),
    { optional: true },
  )
  const login = withSession(async (req, res, session) => {
    await session.create({ userId: (await form(req))['user']! })
    seeOther(res, '/')
  })
  const write = withSession(async (req, res, session) => {
    notes.push(`${session.userId}: ${(await form(req))['text']}`)
    seeOther(res, '/')
  }, {})
  const leave = withSession(async (_req, res, session) => {
    await session.revoke()
    seeOther(res, '/')
  })
  const routes = new Map([
    ['GET /', home],
    ['POST /login', login],
    ['POST /notes', write],
    ['POST /leave', leave],
  ])
  const rest = withSession((_req, res) => send(res, 404, 'text/plain', ''))
  return (req, res) => void (routes.get(`${req.method} ${pathOf(req.url)}`) ?? rest)(req, res)
}

/** Server-rendered pages, and one with the client. @param worker the script of their service worker */
export function workerApplication(worker: string): Application {
  return ({ withSession, notes, script }) => {
    const pages = withSession(async (req, res, session) => {
      switch (`${req.method} ${pathOf(req.url)}`) {
        case 'POST /login':
          return sendJson(res, 200, await session.create({ userId: 'anna' }))
        case 'POST /notes':
          notes.push(`${session.userId}: ${(await form(req))['text']}`)
          return seeOther(res, '/')
        case 'GET /me':
          return sendJson(res, 200, { id: session.userId })
        default:
          return send(
            res,
            200,
            'text/html',
            `<!doctype html><title>page</title><h1>Hello ${session.userId}</h1>
             <form method="post" action="/notes"><input name="text" value="x"><button>Write</button></form>`,
          )
      }
    })
    return (req, res) => {
      if (req.url === '/worker.js') return send(res, 200, 'text/javascript', worker)
      if (req.url === '/page.js') return send(res, 200, 'text/javascript', script)
      if (req.url === '/start') return send(res, 200, 'text/html', CLIENT_PAGE)
      return void pages(req, res)
    }
  }
}

async function form(req: AsyncIterable<Buffer>): Promise<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(await text(req)))
}

function pathOf(url = '/'): string {
  return url.replace(/\?.*$/, '')
}

function seeOther(res: ServerResponse, location: string): void {
  res.writeHead(303, { location }).end()
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  send(res, status, 'application/json', JSON.stringify(body))
}

function send(res: ServerResponse, status: number, type: string, body: string): void {
  res.writeHead(status, { 'content-type': type }).end(body)
}
