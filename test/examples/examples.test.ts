import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { formOf } from '../console/support/console.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { SECRET } from '../support/secrets.ts'
import { signInAtProvider } from './openid.ts'
import { type Example, startExample } from './process.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const NAMES = readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, 'main.ts')))

/** One database for each example, because their signing keys differ. */
const databases = new Map<string, string>()
beforeAll(async () => {
  for (const name of NAMES) databases.set(name, await createDatabase())
})

/** A browser that uses an example on plain localhost. */
interface Visitor {
  readonly port: number
  readonly cookie: () => string
  get(path: string): Promise<Received>
  post(path: string, body?: unknown): Promise<Received>
}

function visit(port: number): Visitor {
  const client: Client = createClient(port)
  const host = `localhost:${port}`
  const send = (method: string, path: string, body?: unknown): Promise<Received> =>
    client.send(method, path, {
      headers: { host, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return {
    port,
    cookie: () => client.jar.header('/') ?? '',
    get: (path) => send('GET', path),
    post: (path, body) => send('POST', path, body),
  }
}

interface Flow {
  /** Signs a visitor in. @defaultValue by `POST /login` with a name */
  readonly signIn?: (visitor: Visitor) => Promise<void>
  /** Runs checks while a user is signed in. @returns the checks for after the logout */
  readonly extra?: (visitor: Visitor) => Promise<() => Promise<void>>
}

async function signInByName(visitor: Visitor, fields: Readonly<Record<string, string>> = {}): Promise<void> {
  const { status, cookies } = await visitor.post('/login', { name: 'Anna', ...fields })
  expect([status, cookies.length]).toStrictEqual([200, 2])
}

const PASSWORD = 'correct horse battery staple'
const CONSOLE = '/admin/sessions'

/** Examples that differ from the others. */
const FLOWS: Readonly<Record<string, Flow>> = {
  console: {
    async signIn(visitor) {
      expect((await visitor.get(CONSOLE)).status).toBe(401)
      const wrong = { name: 'Anna', password: 'wrong' }
      expect(await visitor.post('/login', wrong)).toMatchObject({ status: 401, cookies: [] })
      await signInByName(visitor, { password: PASSWORD })
    },
    async extra(visitor) {
      const home = await visitor.get('/')
      expect(home.text).toContain(`href="${CONSOLE}"`)
      const overview = await visitor.get(CONSOLE)
      expect([overview.status, overview.text.includes('Signing keys')]).toStrictEqual([200, true])

      // A member is no administrator.
      const member = visit(visitor.port)
      await member.post('/login', { name: 'Berta', password: PASSWORD })
      expect((await member.get('/')).text).not.toContain(CONSOLE)
      for (const path of [CONSOLE, `${CONSOLE}/user?id=1`, `${CONSOLE}/live.json`]) {
        const refused = await member.get(path)
        expect([refused.status, refused.text.includes('Anna')], path).toStrictEqual([403, false])
      }
      expect((await member.post(`${CONSOLE}/actions/end-user?user=1`)).status).toBe(403)

      // After a while an administrator gives the password again.
      const pool = createPool(databases.get('console')!)
      await pool.query(
        "update pawl.sessions set auth_time = now() - interval '16 minutes' where user_id = '1'",
      )
      expect((await visitor.post('/session/refresh')).status).toBe(200)
      const confirm = { status: 303, headers: { location: '/confirm' } }
      for (const asked of [visitor.get(CONSOLE), visitor.post(`${CONSOLE}/actions/end-user?user=2`)])
        expect(await asked).toMatchObject(confirm)
      expect((await visitor.get('/confirm')).text).toContain('Please give your password again')
      expect(await visitor.post('/confirm', { password: 'wrong' })).toMatchObject(confirm)
      expect(await visitor.get(CONSOLE)).toMatchObject(confirm)
      expect(await visitor.post('/confirm', { password: PASSWORD })).toMatchObject({
        status: 303,
        headers: { location: CONSOLE },
      })
      expect((await visitor.get(CONSOLE)).status).toBe(200)

      const question = await visitor.get(`${CONSOLE}/actions/end-user?user=2`)
      const ended = await visitor.post(formOf(question)!)
      expect([ended.status, ended.headers.location]).toStrictEqual([
        303,
        expect.stringContaining(`${CONSOLE}/user?id=2&done=`),
      ])
      expect((await member.get('/me')).status).toBe(401)
      return async () => expect((await visitor.get(CONSOLE)).status).toBe(401)
    },
  },
  oidc: {
    async signIn(visitor) {
      const away = await visitor.get('/login')
      expect(away.cookies).toStrictEqual([
        expect.stringMatching(/^login=[\w-]+; Path=\/login; HttpOnly; SameSite=Lax$/),
      ])
      const back = new URL(await signInAtProvider(away.headers.location!, 'Anna'))
      const callback = back.pathname + back.search
      expect([back.host, back.pathname]).toStrictEqual([`localhost:${visitor.port}`, '/login/callback'])
      // Only the browser that started the login can finish it, and only once.
      expect((await visit(visitor.port).get(callback)).status).toBe(400)
      const { status, cookies, headers } = await visitor.get(callback)
      expect([status, headers.location]).toStrictEqual([302, '/'])
      expect(cookies.map((cookie) => cookie.split('=')[0])).toStrictEqual([
        'login',
        'pawl-access',
        'pawl-refresh',
      ])
      expect((await visitor.get(callback)).status).toBe(400)
    },
  },
  passport: {
    async signIn(visitor) {
      const wrong = { name: 'Anna', password: 'wrong' }
      expect(await visitor.post('/login', wrong)).toMatchObject({ status: 401, cookies: [] })
      await signInByName(visitor, { password: PASSWORD })
    },
  },
  verify: {
    async extra(visitor) {
      // Browsers send the cookies of localhost to every port.
      const headers = { cookie: visitor.cookie() }
      const report = async (): Promise<unknown> =>
        (await fetch(`http://localhost:${visitor.port + 1}/`, { headers })).json()
      expect(await report()).toMatchObject({ report: 'Nothing new, Anna.' })
      return () => expect.poll(report, { timeout: 10_000 }).toMatchObject({ code: 'session_ended' })
    },
  },
  ws: {
    async extra(visitor) {
      const open = (headers: Record<string, string>): WebSocket =>
        new WebSocket(`ws://localhost:${visitor.port}/socket`, { headers })
      const [, refused] = await once(open({}), 'unexpected-response')
      expect(refused.statusCode).toBe(401)
      const socket = open({ cookie: visitor.cookie() })
      const [hello] = await once(socket, 'message')
      expect(String(hello)).toBe('You are Anna.')
      const closed = once(socket, 'close')
      return async () => {
        const [code, reason] = await closed
        expect([code, String(reason)]).toStrictEqual([4001, 'logout'])
      }
    },
  },
}

async function checkFlow(visitor: Visitor, { signIn = signInByName, extra }: Flow): Promise<void> {
  const page = await visitor.get('/')
  expect([page.status, page.headers['content-type']]).toStrictEqual([
    200,
    expect.stringMatching(/^text\/html/),
  ])
  expect(await visitor.get('/me')).toMatchObject({ status: 401, body: { code: 'not_signed_in' } })

  await signIn(visitor)
  expect(await visitor.get('/me')).toMatchObject({ status: 200, body: { name: 'Anna' } })
  expect((await visitor.get('/')).text).toContain('<b>Anna</b>')
  expect((await visitor.post('/session/refresh')).status).toBe(200)
  const afterwards = await extra?.(visitor)

  expect((await visitor.post('/session/logout')).status).toBe(204)
  await afterwards?.()
  expect(await visitor.get('/me')).toMatchObject({ status: 401, body: { code: 'not_signed_in' } })
}

/** Opens idle connections as a browser does: one after a request, and one without any request. */
async function holdConnections({ port }: Example): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const [answer] = await once(get({ host: '127.0.0.1', port, agent }), 'response')
  answer.resume()
  await once(answer, 'end')
  await once(
    connect(port, '127.0.0.1').on('error', () => {}),
    'connect',
  )
}

it.each(NAMES)(
  'the example %s signs in, reads the session, signs out, and stops on a signal',
  async (name) => {
    const given = { DATABASE_URL: databases.get(name)!, PAWL_SECRET: SECRET }
    const example = await startExample(name, given)
    await checkFlow(visit(example.port), FLOWS[name] ?? {})
    await holdConnections(example)
    expect(await example.stop()).toBe(0)
  },
)

it('an example without DATABASE_URL runs on an embedded PostgreSQL and deletes it', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'pawl-example-'))
  onTestFinished(() => rm(temporary, { recursive: true, force: true }))
  // PostgreSQL may run as another user, who needs access.
  await chmod(temporary, 0o755)
  const findDatabases = (): string[] =>
    readdirSync(temporary).filter((name) => name.startsWith('pawl-postgres-'))

  const example = await startExample('node', { TMPDIR: temporary })
  expect(findDatabases()).toHaveLength(1)
  await checkFlow(visit(example.port), {})
  expect(await example.stop()).toBe(0)
  expect(findDatabases()).toStrictEqual([])
})
