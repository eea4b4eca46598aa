import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** A Redis server with default settings, on the loopback interface, with an empty directory of its own. */
export interface Redis {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** @returns null if `redis-server` is not installed */
export async function redisVersion(): Promise<string | null> {
  const printed = await promisify(execFile)('redis-server', ['--version']).catch(() => null)
  return /v=(\S+)/.exec(printed?.stdout ?? '')?.[1] ?? null
}

/** @returns null if `redis-server` is not installed */
export async function startRedis(): Promise<Redis | null> {
  if ((await redisVersion()) === null) return null
  const directory = await mkdtemp(join(tmpdir(), 'pawl-redis-'))
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory]
  const server = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = (): void => void server.kill()
  process.once('exit', kill)
  await untilReady(server)
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid!,
    async stop() {
      process.off('exit', kill)
      if (server.exitCode === null && server.signalCode === null) {
        const exited = once(server, 'exit')
        server.kill()
        await exited
      }
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function untilReady(server: ChildProcess): Promise<void> {
  for await (const line of createInterface(server.stdout!)) {
    if (!line.includes('Ready to accept connections')) continue
    // Otherwise a full pipe would stop the server.
    server.stdout!.resume()
    return
  }
  throw new Error('redis-server ended early')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
