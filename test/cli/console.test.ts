import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createGate, type Gate, type Knock, type Verdict } from '../../src/cli/commands/console/gate.ts'
import { browserCommand } from '../../src/cli/commands/console/open-browser.ts'
import { postgres } from '../../src/postgres/index.ts'
import { formOf } from '../console/support/console.ts'
import { createDatabase } from '../support/database.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { built, pawl, type Ran } from './pawl.ts'

const MINUTE = 60_000
/** `script` of util-linux makes a pseudo-terminal. */
const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0
const LINK = /http:\/\/127\.0\.0\.1:\d+\/open\?token=[\w-]{43}/

function openGate(): { gate: Gate; wait(ms: number): void; knock(more?: Partial<Knock>): Verdict } {
  let time = 0
  const gate = createGate(() => time)
  return {
    gate,
    wait(ms) {
      time += ms
    },
    knock: (more) =>
      gate.judge({
        method: 'GET',
        url: gate.link,
        host: '127.0.0.1:4000',
        cookie: undefined,
        purpose: undefined,
        ...more,
      }),
  }
}

function cookieOf(verdict: Verdict): string {
  return verdict.kind === 'welcome' ? verdict.setCookie.split(';')[0]! : ''
}

describe('the gate of the console', () => {
  it('admits the browser that opens the link first, and no other', () => {
    const { gate, knock } = openGate()
    const welcome = knock()
    expect(welcome).toStrictEqual({
      kind: 'welcome',
      setCookie: expect.stringMatching(
        /^pawl-console=[\w-]{43}; Path=\/[\w-]{22}; HttpOnly; SameSite=Strict$/,
      ),
    })
    expect(knock()).toStrictEqual({ kind: 'refused', because: 'used' })
    const cookie = cookieOf(welcome)
    expect(knock({ cookie })).toStrictEqual({ kind: 'again' })
    const url = `${gate.path}/users?q=anna`
    expect(knock({ url, cookie: `theme=dark; ${cookie}` })).toStrictEqual({ kind: 'open' })
    expect(knock({ url, cookie: `pawl-console=x; ${cookie}` })).toStrictEqual({ kind: 'open' })
    for (const wrong of [undefined, '', 'pawl-console=', `${cookie}x`, cookie.slice(0, -1), cookie.slice(1)])
      expect(knock({ url, cookie: wrong })).toStrictEqual({ kind: 'refused', because: 'no cookie' })
  })

  it('refuses a wrong token, another method and a path besides the link without using the link up', () => {
    const { gate, knock } = openGate()
    const token = gate.link.split('=')[1]!
    for (const more of [
      { url: gate.path },
      { url: `${gate.path}?token=` },
      { url: `${gate.path}?token=${token.slice(0, -1)}` },
      { url: `/?token=${token}` },
      { url: `/open/?token=${token}` },
      { url: `${gate.path}?token=${token}` },
      { method: 'HEAD' },
      { method: 'POST' },
    ])
      expect(knock(more), JSON.stringify(more)).toStrictEqual({ kind: 'refused', because: 'no cookie' })
    expect(knock({ purpose: 'prefetch' })).toStrictEqual({ kind: 'refused', because: 'prefetch' })
    expect(knock().kind).toBe('welcome')
  })

  it('refuses the link after ten minutes, and keeps the browser that came in time', () => {
    const late = openGate()
    late.wait(10 * MINUTE)
    expect(late.knock()).toStrictEqual({ kind: 'refused', because: 'expired' })
    const early = openGate()
    early.wait(10 * MINUTE - 1)
    const cookie = cookieOf(early.knock())
    early.wait(1000 * MINUTE)
    expect(early.knock({ url: early.gate.path, cookie })).toStrictEqual({ kind: 'open' })
  })

  it('knows this machine by its own names alone, through a tunnel too', () => {
    const { gate, knock } = openGate()
    const cookie = cookieOf(knock({ host: 'LOCALHOST:9' }))
    for (const host of ['127.0.0.1', '127.0.0.1:80', 'localhost', 'localhost:65535'])
      expect(knock({ host, cookie, url: gate.path })).toStrictEqual({ kind: 'open' })
    for (const host of [
      undefined,
      '',
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example:80',
      'localhost:80:80',
      'evil.example#localhost',
      'user@localhost',
    ])
      expect(knock({ host, cookie, url: gate.path }), host).toStrictEqual({ kind: 'foreign host' })
  })

  it('has other secrets each time', () => {
    const gates = Array.from({ length: 3 }, () => openGate().gate)
    expect(new Set(gates.flatMap(({ link, path }) => [link, path])).size).toBe(6)
  })

  it('keeps the path of the cookie out of the link', () => {
    const { gate, knock } = openGate()
    const [, path] = /Path=\/([^;]+)/.exec((knock() as { setCookie: string }).setCookie)!
    expect(gate.path).toBe(`/${path}`)
    expect(gate.link).toMatch(/^\/open\?token=[\w-]{43}$/)
    expect(gate.link).not.toContain(path)
  })

  it('opens nothing besides the console', () => {
    const { gate, knock } = openGate()
    const cookie = cookieOf(knock())
    for (const url of [
      '/',
      '/users',
      '/open',
      `${gate.path}x`,
      `${gate.path}/../users`,
      `${gate.path}/%2e%2E/users`,
      '//',
      '*',
    ])
      expect(knock({ url, cookie }), url).toStrictEqual({ kind: 'refused', because: 'no cookie' })
    for (const url of [gate.path, `${gate.path}?days=1`, `${gate.path}/`, `${gate.path}/user?id=..`])
      expect(knock({ url, cookie }), url).toStrictEqual({ kind: 'open' })
  })
})

describe('the browser of the console', () => {
  it.skipIf(!hasTerminal)(
    'gets the link by a file that nobody else can read (skipped without `script`)',
    async () => {
      const database = await createDatabase()
      await openSessions({ store: postgres({ connectionString: database }) })
      const home = await mkdtemp(join(tmpdir(), 'pawl-console-'))
      onTestFinished(() => rm(home, { recursive: true, force: true }))
      await writeFile(
        join(home, 'xdg-open'),
        // The list of processes, as every user of the machine sees it.
        `#!/bin/sh
file="\${1#file://}"
{ printf '%s\\n' "$1"; stat -c %a "$file" "\${file%/*}"; cat "$file"; } > '${home}/new'
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' > '${home}/processes'
mv '${home}/new' '${home}/opened'
`,
      )
      await chmod(join(home, 'xdg-open'), 0o755)
      const opened = (): Promise<string> => readFile(join(home, 'opened'), 'utf8').catch(() => '')
      const terminal = async (parameters: string, ended: () => unknown): Promise<string> => {
        const child = spawn(
          'script',
          ['-qec', `${process.execPath} ${await built()} ${parameters}`, '/dev/null'],
          {
            env: {
              PATH: `${home}:${process.env['PATH']}`,
              TERM: 'xterm',
              DISPLAY: ':0',
              DATABASE_URL: database,
            } as unknown as NodeJS.ProcessEnv,
            stdio: ['pipe', 'pipe', 'ignore'],
          },
        )
        onTestFinished(() => void child.kill('SIGKILL'))
        let text = ''
        child.stdout.on('data', (chunk) => {
          text += chunk
        })
        await vi.waitFor(async () => {
          expect(text).toContain('?token=')
          await ended()
        }, 10_000)
        child.stdin.write('\u0003')
        const [code] = await once(child, 'close')
        expect(code).toBe(130)
        return text
      }
      const quiet = await terminal('console --no-open', () => {})
      expect([quiet.match(LINK), await opened()]).toStrictEqual([expect.anything(), ''])
      const text = await terminal('console', async () => expect(await opened()).not.toBe(''))
      const [file, ofFile, ofFolder, ...page] = (await opened()).split('\n')
      const link = text.match(LINK)![0]
      expect([ofFile, ofFolder, page.join('\n')]).toStrictEqual([
        '600',
        '700',
        expect.stringContaining(`url=${link}"`),
      ])
      const processes = await readFile(join(home, 'processes'), 'utf8')
      expect(processes).toContain(file)
      expect(processes).not.toContain(link.split('=')[1])
      await expect(access(fileURLToPath(file!))).rejects.toThrow('ENOENT')
    },
  )

  it('is the one of this machine, and none from a remote shell, in CI or without a desktop', () => {
    expect(browserCommand('darwin', {})).toStrictEqual(['open'])
    expect(browserCommand('win32', {})).toStrictEqual(['rundll32', 'url.dll,FileProtocolHandler'])
    expect(browserCommand('linux', { DISPLAY: ':0' })).toStrictEqual(['xdg-open'])
    expect(browserCommand('linux', { WAYLAND_DISPLAY: 'wayland-0' })).toStrictEqual(['xdg-open'])
    expect(browserCommand('linux', {})).toBe(null)
    for (const platform of ['darwin', 'win32', 'linux'] as const) {
      expect(browserCommand(platform, { DISPLAY: ':0', SSH_CONNECTION: '::1 1 ::1 22' })).toBe(null)
      expect(browserCommand(platform, { DISPLAY: ':0', CI: 'true' })).toBe(null)
    }
  })
})

interface Running {
  readonly url: URL
  readonly child: ChildProcess
  /** Sends a request as a browser with these headers. */
  ask(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  stderr(): string
  /** Ctrl-C. */
  stop(): Promise<Ran>
}

async function startConsole(parameters: readonly string[], env: Record<string, string>): Promise<Running> {
  let ran: Promise<Ran> | undefined
  let stdout = ''
  let stderr = ''
  const child = await new Promise<ChildProcess>((resolve, reject) => {
    ran = pawl(['console', ...parameters], env, (started) => {
      onTestFinished(() => void started.kill('SIGKILL'))
      started.stdout?.on('data', (chunk) => {
        stdout += chunk
        if (stdout.endsWith('\n')) resolve(started)
      })
      started.stderr?.on('data', (chunk) => {
        stderr += chunk
      })
      started.once('exit', () => reject(new Error(stderr)))
    })
  })
  const url = new URL(parameters.includes('--json') ? JSON.parse(stdout).url : stdout.trim())
  return {
    url,
    child,
    ask: (path, headers = {}) => fetch(new URL(path, url), { headers, redirect: 'manual' }),
    stderr: () => stderr,
    stop() {
      child.kill('SIGINT')
      return ran!
    },
  }
}

/** The cookie of the browser that opens the link, and the path of the console. */
async function openLink({ ask, url }: Running): Promise<{ cookie: string; path: string }> {
  return admitted(await ask(url.href))
}

function admitted(welcome: Response): { cookie: string; path: string } {
  const [, cookie, path] = /^([^;]+); Path=([^;]+);/.exec(welcome.headers.get('set-cookie')!)!
  return { cookie: cookie!, path: path! }
}

describe('npx pawl console', () => {
  it('opens with the link once, shows the pages to that browser, and stops on Ctrl-C', async () => {
    const database = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: database }) })
    await sessions.create({ userId: 'anna' })
    const running = await startConsole([], { DATABASE_URL: database })
    expect(running.url.hostname).toBe('127.0.0.1')
    await expect
      .poll(running.stderr)
      .toBe('Open this link. It works once, within ten minutes. Ctrl-C stops the console.\n')
    const welcome = await running.ask(running.url.href)
    expect([welcome.status, Object.fromEntries(welcome.headers)]).toMatchObject([
      200,
      {
        'cache-control': 'no-store',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      },
    ])
    const { cookie, path } = admitted(welcome)
    expect(await welcome.text()).toContain(`content="0; url=${path}"`)

    const page = await running.ask(`${path}/user?id=anna`, { cookie })
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('anna')
    expect((await running.ask(`${path}/user?id=anna`)).status).toBe(403)
    expect((await running.ask('/', { cookie: 'pawl-console=x' })).status).toBe(403)

    expect((await running.ask(running.url.href)).status).toBe(403)
    await expect.poll(running.stderr).toContain('pawl: The link was opened a second time')
    const { code, stdout, stderr } = await running.stop()
    expect([code, stdout]).toStrictEqual([130, `${running.url.href}\n`])
    expect(stderr).not.toContain(running.url.searchParams.get('token'))
    await expect(running.ask('/')).rejects.toThrow()
  })

  it('ends a session, and says on the terminal what was done', async () => {
    const database = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: database }) })
    const { session, accessToken } = await sessions.create({ userId: 'anna' })
    const { sessionId } = session
    const running = await startConsole([], { DATABASE_URL: database })
    const { cookie, path } = await openLink(running)
    const question = await running.ask(`${path}/actions/end-session?session=${sessionId}`, { cookie })
    const action = formOf({ text: await question.text() })!
    const post = (headers: Record<string, string>): Promise<Response> =>
      fetch(new URL(action, running.url), {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie, ...headers },
      })
    // Other servers of this machine are of the same site.
    for (const site of ['same-site', 'cross-site', 'none', ''])
      expect((await post({ 'sec-fetch-site': site })).status, site).toBe(403)
    expect((await post({ origin: 'http://127.0.0.1:1' })).status).toBe(403)
    const done = await post({ 'sec-fetch-site': 'same-origin' })
    expect(done.status).toBe(303)
    // In the process of the application.
    await vi.waitFor(() => expect(() => sessions.verify(accessToken.value)).toThrow(/ended/), 10_000)
    expect(running.stderr()).not.toContain('acted by the console')
    expect(running.stderr()).toMatch(
      new RegExp(`\\n\\d{4}-\\d\\d-\\d\\d [\\d:]{8}Z end-session ${sessionId}, user 'anna': 1 session\\n$`),
    )
    const page = await running.ask(`${path}/user?id=anna`, { cookie })
    expect(await page.text()).toContain(`command line (${userInfo().username}@${hostname()})`)
    await running.stop()
  })

  it('with --read-only offers no action and refuses it', async () => {
    const database = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: database }) })
    const { sessionId } = (await sessions.create({ userId: 'anna' })).session
    const running = await startConsole(['--read-only', '--json'], {
      DATABASE_URL: database,
      // It may be in the environment, and no key is made or rotated.
      PAWL_SECRET: SECRET,
    })
    const { cookie, path } = await openLink(running)
    const page = await (await running.ask(`${path}/sessions/${sessionId}`, { cookie })).text()
    expect([page.includes('anna'), page.includes('/actions/')]).toStrictEqual([true, false])
    for (const action of [`end-session?session=${sessionId}`, 'end-user?user=anna', 'rotate-keys']) {
      const refused = await fetch(new URL(`${path}/actions/${action}`, running.url), {
        method: 'POST',
        headers: { cookie, 'sec-fetch-site': 'same-origin' },
      })
      expect(refused.status, action).toBe(403)
    }
    expect((await sessions.get(sessionId))?.active).toBe(true)
    await running.stop()
  })

  it('rotates the key if it has the secret of the application, and offers nothing without it', async () => {
    const database = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: database }) })
    const kids = async (): Promise<unknown> =>
      (await pawl(['keys', 'list', '--json'], { DATABASE_URL: database })).json<{ keys: unknown[] }>().keys
        .length
    const rotate = async (env: Record<string, string>): Promise<readonly [boolean, number]> => {
      const running = await startConsole([], { DATABASE_URL: database, ...env })
      const { cookie, path } = await openLink(running)
      const overview = await (await running.ask(path, { cookie })).text()
      expect(overview).toContain(sessions.keys.list()[0]!.kid)
      // The command has options of its own, and no figures.
      expect(overview).toContain('this command is no process of the application')
      expect(overview).not.toMatch(/The next key signs|in the last minute|Revocations arrive|Notable events/)
      const question = await running.ask(`${path}/actions/rotate-keys`, { cookie })
      const action = formOf({ text: await question.text() })
      if (action !== undefined)
        await fetch(new URL(action, running.url), {
          method: 'POST',
          redirect: 'manual',
          headers: { cookie, 'sec-fetch-site': 'same-origin' },
        })
      await running.stop()
      return [overview.includes('/actions/rotate-keys'), question.status]
    }
    expect(await rotate({})).toStrictEqual([false, 409])
    expect(await kids()).toBe(1)
    expect(await rotate({ PAWL_SECRET: SECRET })).toStrictEqual([true, 200])
    expect(await kids()).toBe(2)
  })

  it('refuses a name that leads to this machine', async () => {
    const database = await createDatabase()
    await openSessions({ store: postgres({ connectionString: database }) })
    const running = await startConsole(['--json'], { DATABASE_URL: database })
    const { cookie, path } = await openLink(running)
    const ask = async (host: string): Promise<number | undefined> => {
      const { hostname: to, port } = running.url
      const [answer] = await once(get({ host: to, port, path, headers: { host, cookie } }), 'response')
      answer.resume()
      return answer.statusCode
    }
    expect(await ask(`rebound.example:${running.url.port}`)).toBe(421)
    expect(await ask(`localhost:${running.url.port}`)).toBe(200)
    await running.stop()
  })

  it('takes a port, and says so if it is in use or none', async () => {
    const database = await createDatabase()
    await openSessions({ store: postgres({ connectionString: database }) })
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const [taken, none] = await Promise.all([
      pawl(['console', '--port', String(port)], { DATABASE_URL: database }),
      pawl(['console', '--port', '65536'], { DATABASE_URL: database }),
    ])
    expect([taken.code, taken.stdout, taken.stderr]).toStrictEqual([
      1,
      '',
      `pawl: cannot listen on 127.0.0.1:${port} (EADDRINUSE). Choose another --port.\n`,
    ])
    expect([none.code, none.stderr]).toStrictEqual([
      2,
      expect.stringContaining('--port takes a number from 0 to 65535'),
    ])
    await new Promise((resolve) => other.close(resolve))
    const running = await startConsole(['--port', String(port)], { DATABASE_URL: database })
    expect(running.url.port).toBe(String(port))
    await running.stop()
  })

  it('fails without a database, with tables that are missing, and with a wrong secret', async () => {
    const [empty, used] = [await createDatabase(), await createDatabase()]
    await openSessions({ store: postgres({ connectionString: used }) })
    const [away, unmigrated, wrong] = await Promise.all([
      pawl(['console'], { DATABASE_URL: 'postgres://pawl:hidden@127.0.0.1:1/nowhere' }),
      pawl(['console'], { DATABASE_URL: empty }),
      pawl(['console'], { DATABASE_URL: used, PAWL_SECRET: FOREIGN_SECRET }),
    ])
    expect([away.code, unmigrated.code, wrong.code]).toStrictEqual([1, 1, 1])
    expect(away.stderr).toMatch(/^pawl: Cannot reach PostgreSQL at 127\.0\.0\.1:1\/nowhere/)
    expect(unmigrated.stderr).toMatch(/npx pawl migrate/)
    expect(wrong.stderr).toMatch(/^pawl: [^\n]*differs[^\n]*\n$/)
    expect(away.stderr + wrong.stderr).not.toMatch(new RegExp(`hidden|${FOREIGN_SECRET}`))
  })
})
