// A visit to an application of one framework, run by `peers.test.ts` in a folder that has the packed package and one
// version of the framework. Prints what each request was answered.
import { createServer } from 'node:http'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'

const ORIGIN = 'http://localhost'
/** An access token lives for 15 minutes at most. Rounded up to whole seconds, it may be a second more. */
const LATER = 16 * 60_000
let now = Date.now()

/** Sessions with a clock that only `visit` moves. */
export const openSessions = (options = {}) =>
  createSessions({ store: memory(), secret: process.env.PAWL_SECRET, now: () => now, ...options })

/** Serves a `node:http` handler. @returns `fetch` for it, as {@link visit} takes it */
export async function served(handler) {
  const server = createServer(handler)
  return listening(server)
}

/** As {@link served}, for a server that the framework has made. */
export async function listening(server) {
  if (!server.listening) await new Promise((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address()
  const here = `http://localhost:${port}`
  return (request) => {
    const headers = { cookie: request.headers.get('cookie') ?? '', origin: here }
    return fetch(request.url.replace(ORIGIN, here), { method: request.method, headers })
  }
}

/**
 * Signs in, lets the access token expire, refreshes and signs out. The application has `POST /login`, which creates a
 * session, and `GET /me`, which requires one and answers its user and role.
 * @param {(request: Request) => Promise<Response>} send
 * @param {readonly string[]} more requests before the logout, such as `GET /failing`
 */
export async function visit(send, more = []) {
  const jar = new Map()
  const steps = []

  async function step(method, path) {
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    const headers = { origin: ORIGIN, ...(cookie !== '' && { cookie }) }
    const response = await send(new Request(ORIGIN + path, { method, headers }))
    const cookies = response.headers.getSetCookie()
    for (const text of cookies) {
      const [name, value] = text.split(';', 1)[0].split('=')
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    const body = await response.text()
    steps.push([`${method} ${path}`, response.status, wordsOf(body), cookies.map(describe)])
  }

  await step('GET', '/me')
  await step('POST', '/login')
  await step('GET', '/me')
  now += LATER
  await step('GET', '/me')
  await step('POST', '/session/refresh')
  await step('GET', '/me')
  for (const request of more) await step(...request.split(' '))
  await step('POST', '/session/logout')
  await step('GET', '/me')
  // The framework's servers and pools end with the process.
  process.stdout.write(JSON.stringify(steps), () => process.exit())
}

/** The code of an error, else the user and role, which is all that must be right. */
function wordsOf(body) {
  try {
    const { code, userId, role } = JSON.parse(body)
    return code ?? [userId, role].filter((word) => word !== undefined).join(' ')
  } catch {
    return body
  }
}

/** The name of a cookie, and whether it is set or cleared. */
function describe(text) {
  const [name, value] = text.split(';', 1)[0].split('=')
  return `${value === '' ? '-' : '+'}${name}`
}
