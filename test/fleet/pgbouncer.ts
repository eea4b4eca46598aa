import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, identityOf } from '../../demo/embedded-postgres.ts'

export type PoolMode = 'session' | 'transaction' | 'statement'

/** PgBouncer in front of a database. */
export interface PgBouncer {
  readonly url: string
  stop(): Promise<void>
}

/** The user that runs PgBouncer if we are root, because it refuses to run as root. */
const UNPRIVILEGED = 'nobody'
const START_WITHIN = 10_000
/** Debian installs it here. An ordinary user's PATH may lack these directories. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin']

/** @returns the path of PgBouncer, or null when it is not installed */
export function findPgBouncer(): string | null {
  for (const directory of [...(process.env['PATH'] ?? '').split(':'), ...SYSTEM_DIRECTORIES]) {
    const path = join(directory, 'pgbouncer')
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here: try the next directory.
    }
  }
  return null
}

/** Whether it supports prepared statements in transaction and statement mode. Version 1.24 enables them by default. */
export async function supportsPreparedStatements(binary: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)(binary, ['--version'])
  const [, major = '0', minor = '0'] = /PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? []
  return Number(major) > 1 || Number(minor) >= 21
}

export async function startPgBouncer(
  binary: string,
  target: string,
  mode: PoolMode,
  settings: readonly string[] = [],
): Promise<PgBouncer> {
  const { hostname, port: targetPort, username } = new URL(target)
  const port = await freePort()
  const home = await mkdtemp(join(tmpdir(), 'pawl-pgbouncer-'))
  const ini = join(home, 'pgbouncer.ini')
  await writeFile(
    ini,
    [
      '[databases]',
      `* = host=${hostname} port=${targetPort} user=${username}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      // In session mode each client has a connection of its own.
      `default_pool_size = ${mode === 'session' ? 60 : 3}`,
      'max_client_conn = 100',
      ...settings,
    ].join('\n'),
  )
  await chmod(home, 0o755)
  await chmod(ini, 0o644)
  const user = process.getuid?.() === 0 ? await identityOf(UNPRIVILEGED) : {}
  const child = spawn(binary, [ini], { ...user, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] })
  const killWithUs = (): void => void child.kill('SIGINT')
  process.once('exit', killWithUs)
  const stop = async (): Promise<void> => {
    process.off('exit', killWithUs)
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    await rm(home, { recursive: true, force: true })
  }
  try {
    await untilUp(child)
  } catch (error) {
    await stop()
    throw error
  }
  const url = new URL(target)
  url.port = String(port)
  return { url: url.href, stop }
}

async function untilUp(child: ChildProcess): Promise<void> {
  let log = ''
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`PgBouncer did not start:\n${log}`))
    const timer = setTimeout(fail, START_WITHIN)
    child.once('error', fail)
    child.once('exit', fail)
    child.stderr!.on('data', (chunk: Buffer) => {
      if (log.length < 20_000) log += chunk.toString()
      if (!log.includes('process up')) return
      clearTimeout(timer)
      resolve()
    })
  })
}
