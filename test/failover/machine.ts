import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { identityOf } from '../../demo/embedded-postgres.ts'
import { signalTrees } from './process-tree.ts'

/** A folder in the temporary directory, and the processes that run in it. */
export interface Machine {
  readonly home: string
  /** Writes a file. @returns its path */
  write(name: string, text: string): Promise<string>
  /** Runs a program to its end. @throws with its output when it fails */
  run(program: string, flags: readonly string[]): Promise<void>
  start(name: string, program: string, flags: readonly string[]): Service
  /** Processes that outlive the service which started them. They are killed with the machine. */
  alsoKills(roots: () => readonly number[]): void
  /** The end of the output of each service, for error messages. */
  logs(): string
  /** Kills all processes and deletes the folder. */
  remove(): Promise<void>
}

/** A process of the machine. */
export interface Service {
  readonly pid: number
  readonly running: boolean
  /** Its recent output. */
  readonly log: string
  /** Sends a signal to the process alone and waits for its exit. */
  stop(signal: NodeJS.Signals): Promise<void>
}

/** PostgreSQL and Patroni refuse to run as root, so they run as this user instead. */
const UNPRIVILEGED = 'nobody'
/** Number of characters kept of the output of a service. */
const MAX_LOG = 30_000

export async function createMachine(name: string): Promise<Machine> {
  const user = process.getuid?.() === 0 ? await identityOf(UNPRIVILEGED) : null
  const home = await mkdtemp(join(tmpdir(), `pawl-${name}-`))
  if (user !== null) await chown(home, user.uid, user.gid)
  await chmod(home, 0o755)
  const services = new Map<string, Service>()
  const others: (() => readonly number[])[] = []
  const environment = { ...process.env, HOME: home, TMPDIR: home, LC_ALL: 'C' }

  const killAll = (): void => {
    const pids = [...services.values()].filter(({ running }) => running).map(({ pid }) => pid)
    signalTrees([...pids, ...others.flatMap((roots) => roots())], 'SIGKILL')
  }
  process.once('exit', killAll)
  const leave = (): void => process.exit(1)
  process.once('SIGTERM', leave)

  return {
    home,
    async write(file, text) {
      const path = join(home, file)
      await writeFile(path, text)
      if (user !== null) await chown(path, user.uid, user.gid)
      return path
    },
    async run(program, flags) {
      await promisify(execFile)(program, flags, { ...user, cwd: home, env: environment })
    },
    start(service, program, flags) {
      const child = spawn(program, flags, {
        ...user,
        cwd: home,
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const started = serviceOf(child)
      services.set(service, started)
      return started
    },
    alsoKills(roots) {
      others.push(roots)
    },
    logs: () => [...services].map(([service, { log }]) => `== ${service}\n${log}`).join('\n'),
    async remove() {
      process.off('exit', killAll)
      process.off('SIGTERM', leave)
      killAll()
      await Promise.all([...services.values()].map((service) => service.stop('SIGKILL')))
      await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    },
  }
}

function serviceOf(child: ChildProcess): Service {
  let log = ''
  const keep = (text: string): void => {
    log = (log + text).slice(-MAX_LOG)
  }
  child.on('error', (error) => keep(error.message))
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => keep(chunk.toString()))
  const running = (): boolean =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null
  return {
    // A process that could not be started has no id. No process has the id 0.
    pid: child.pid ?? 0,
    get running() {
      return running()
    },
    get log() {
      return log
    },
    async stop(signal) {
      if (!running()) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
}
