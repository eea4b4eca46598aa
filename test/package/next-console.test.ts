import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { freePort } from '../../demo/embedded-postgres.ts'
import { formOf } from '../console/support/console.ts'
import { createFolder, install } from '../support/packed-package.ts'

const PATH = '/admin/sessions'

/** The code of a page for a file of the application. */
async function codeIn(page: string, path: string): Promise<string> {
  const text = await readFile(page, 'utf8')
  const [, code] = text.split(`\`\`\`ts\n// ${path}\n`)
  if (code === undefined) throw new Error(`${page} has no code for ${path}.`)
  return code.slice(0, code.indexOf('```'))
}

/** What an application of its own has besides the code of the documentation. */
const OWN: Readonly<Record<string, string>> = {
  'jsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
  'lib/session.js': `
    import { createSessions } from 'pawl'
    import { memory } from 'pawl/memory'
    import { nextSessions } from 'pawl/next'
    export const { sessions, route, proxy, handlers } = nextSessions(
      () => createSessions({ store: memory(), secret: process.env.PAWL_SECRET }),
    )`,
  'app/login/route.js': `
    import { route } from '@/lib/session'
    export const POST = route(async (session, request) => {
      const { userId, role } = await request.json()
      await session.create({ userId, claims: { name: userId, role } })
      return Response.json(session.sessionId)
    })`,
}

async function createApplication(): Promise<string> {
  const folder = await createFolder('next-console')
  const pages = {
    'next.config.mjs': await codeIn('docs/start/next.md', 'next.config.ts'),
    'proxy.js': await codeIn('docs/start/next.md', 'proxy.ts'),
    'app/session/[...pawl]/route.js': await codeIn('docs/start/next.md', 'app/session/[...pawl]/route.ts'),
    'lib/console.js': await readFile('examples/console/mounts/next.ts', 'utf8'),
    'app/admin/sessions/[[...page]]/route.js': await codeIn(
      'docs/operate/console.md',
      'app/admin/sessions/[[...page]]/route.ts',
    ),
  }
  const { devDependencies } = JSON.parse(await readFile('package.json', 'utf8'))
  const packages = ['next', 'react', 'react-dom'].map((name) => `${name}@${devDependencies[name]}`)
  const files: Record<string, string> = { 'package.json': '{ "private": true }', ...OWN }
  for (const [path, code] of Object.entries(pages))
    files[path] = ts.transpile(code, { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await install(folder, [inject('tarball'), ...packages])
  return folder
}

describe('a Next.js application with the console', () => {
  let origin: string
  let started: ChildProcess | undefined

  beforeAll(async () => {
    const folder = await createApplication()
    const next = join(folder, 'node_modules/next/dist/bin/next')
    const env = {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production' as const,
      NEXT_TELEMETRY_DISABLED: '1',
      PAWL_SECRET: randomBytes(32).toString('base64url'),
    }
    await promisify(execFile)(process.execPath, [next, 'build'], { cwd: folder, env })
    const port = await freePort()
    const server = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', String(port)], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started = server
    origin = `http://127.0.0.1:${port}`
    await new Promise<void>((resolve, reject) => {
      let output = ''
      for (const stream of [server.stdout, server.stderr])
        stream.on('data', (text) => {
          output += String(text)
          if (output.includes('Ready')) resolve()
        })
      server.once('exit', () => reject(new Error(`Next.js has stopped:\n${output}`)))
    })
  }, 300_000)

  // Also if the server never gets ready.
  afterAll(async () => {
    started?.kill('SIGKILL')
    if (started?.exitCode === null && started.signalCode === null) await once(started, 'exit')
  })

  interface Browser {
    readonly sessionId: string
    send(method: string, path: string, headers?: Record<string, string>): Promise<Response>
  }

  async function signIn(userId: string, role: string): Promise<Browser> {
    const response = await fetch(`${origin}/login`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: JSON.stringify({ userId, role }),
    })
    const cookie = response.headers.getSetCookie().map((text) => text.split(';', 1)[0])
    return {
      sessionId: (await response.json()) as string,
      send: (method, path, headers) =>
        fetch(origin + path, {
          method,
          headers: { ...headers, cookie: cookie.join('; ') },
          redirect: 'manual',
        }),
    }
  }

  it('serves its pages and its styles to an administrator alone', async () => {
    expect((await fetch(origin + PATH)).status).toBe(401)
    const member = await signIn('anna', 'member')
    const refused = await member.send('GET', PATH)
    expect([refused.status, await refused.text()]).toStrictEqual([403, expect.not.stringContaining('anna')])
    const administrator = await signIn('ada', 'administrator')
    const overview = await administrator.send('GET', PATH)
    expect([overview.status, overview.headers.get('content-type')]).toStrictEqual([
      200,
      'text/html; charset=utf-8',
    ])
    expect(overview.headers.get('content-security-policy')).toMatch(/^default-src 'none'; /)
    const [, css = ''] = /<link rel="stylesheet" href="([^"]+)"/.exec(await overview.text()) ?? []
    const styles = await administrator.send('GET', css)
    expect([css, styles.status, styles.headers.get('content-type')]).toStrictEqual([
      `${PATH}/console.css`,
      200,
      'text/css; charset=utf-8',
    ])
  })

  it('ends a session by its own form alone', async () => {
    const { sessionId, send } = await signIn('berta', 'member')
    const administrator = await signIn('ada', 'administrator')
    const question = await administrator.send('GET', `${PATH}/actions/end-session?session=${sessionId}`)
    const action = formOf({ text: await question.text() })!
    for (const headers of [{}, { origin: 'https://evil.example' }])
      expect((await administrator.send('POST', action, headers)).status).toBe(403)
    expect((await send('GET', PATH)).status).toBe(403)
    const done = await administrator.send('POST', action, { origin })
    expect([done.status, done.headers.get('location')]).toStrictEqual([
      303,
      expect.stringContaining(`${PATH}/sessions/${sessionId}?done=`),
    ])
    expect((await send('GET', PATH)).status).toBe(401)
  })
})
