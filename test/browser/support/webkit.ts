import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../../demo/embedded-postgres.ts'
import type { ContextOptions, CookiePolicy, Engine } from './engine.ts'
import { findProgram } from './find-program.ts'
import { HOSTS } from './hosts.ts'
import { isReady, startSession } from './webdriver.ts'
import { openWebKitContext } from './webkit-context.ts'

/** `--cookies-policy` of MiniBrowser. */
const COOKIE_POLICIES: Readonly<Record<CookiePolicy, string>> = {
  all: 'always',
  'no third party': 'no-third-party',
  none: 'never',
}
/** How long the driver may take to start, in ms. */
const START = 30_000
/** The line of `/etc/hosts` that the tests need. */
const HOSTS_LINE = `127.0.0.1 localhost ${HOSTS.join(' ')}`
const NOT_STARTED = `WebKitWebDriver does not start. If this machine allows no mount namespaces, add to /etc/hosts: ${HOSTS_LINE}`

let display: Promise<Display> | undefined

interface Display {
  readonly name: string
  readonly server: ChildProcess
}

/** The WebKitGTK of the system, driven by WebDriver. Each context is a process with an ephemeral profile. */
export const webkit: Engine = {
  program: findProgram(['Xvfb']) && (process.env['PAWL_WEBKIT'] || findProgram(['WebKitWebDriver'])),
  remedy: 'run `apt-get install webkit2gtk-driver xvfb`, or set PAWL_WEBKIT to the path of WebKitWebDriver',

  async openContext({ cookies }: ContextOptions) {
    display ??= openDisplay()
    const { name } = await display
    const home = await mkdtemp(join(tmpdir(), 'pawl-webkit-'))
    const port = await freePort()
    const driver = await startDriver(port, home, name)
    async function stop(): Promise<void> {
      await stopProcess(driver)
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    }
    try {
      for (const until = Date.now() + START; !(await isReady(port)); await pause(20))
        if (Date.now() > until || driver.exitCode !== null) throw new Error(NOT_STARTED)
      const args = [
        '--automation',
        ...(cookies === undefined ? [] : [`--cookies-policy=${COOKIE_POLICIES[cookies]}`]),
      ]
      const session = await startSession(port, {
        acceptInsecureCerts: true,
        'webkitgtk:browserOptions': { binary: miniBrowser(), args },
      })
      return openWebKitContext(session, stop)
    } catch (error) {
      await stop()
      throw error
    }
  },

  async close() {
    const opened = display
    display = undefined
    if (opened !== undefined) await stopProcess((await opened).server)
  },
}

function miniBrowser(): string {
  const path = findProgram(
    [],
    ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`),
  )
  if (path === undefined) throw new Error('MiniBrowser of libwebkit2gtk-4.1-0 is missing.')
  return path
}

/** Starts the driver where the names of the test resolve to this machine: MiniBrowser has no option for that. */
async function startDriver(port: number, home: string, display: string): Promise<ChildProcess> {
  const env = { ...process.env, HOME: home, DISPLAY: display }
  const command = [webkit.program!, `--port=${port}`] as const
  if ((await readFile('/etc/hosts', 'utf8')).includes(HOSTS_LINE)) return start(command[0], [command[1]], env)
  const hosts = join(home, 'hosts')
  await writeFile(hosts, `${HOSTS_LINE}\n`)
  const namespace = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"'
  return start('unshare', [...namespace, 'sh', '-c', script, hosts, ...command], env)
}

async function openDisplay(): Promise<Display> {
  const server = start('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'])
  const [number] = await once(server.stdio[3] as Readable, 'data')
  return { name: `:${String(number).trim()}`, server }
}

/** Starts a process as the leader of a group, so that all of its children can be stopped with it. */
function start(command: string, args: readonly string[], env = process.env): ChildProcess {
  return spawn(command, args, { env, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
}

async function stopProcess(leader: ChildProcess): Promise<void> {
  const ended = leader.exitCode === null && leader.signalCode === null ? once(leader, 'exit') : undefined
  try {
    process.kill(-leader.pid!, 'SIGKILL')
  } catch {
    // The whole group has ended.
  }
  await ended
}
