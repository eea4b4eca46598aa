import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { delay } from '../../core/time/delay.ts'
import { StoreUnavailableError } from '../../portable/errors.ts'

export type Unlock = () => Promise<void>

/** The system refuses longer addresses of sockets, in bytes: 104 on macOS, 108 on Linux. */
const MAX_ADDRESS = 100
/** Milliseconds. A dev server starts the new process while the old one still closes. */
const WAIT = 2000
const INTERVAL = 100

/**
 * Keeps other processes of this machine from opening the folder. The lock is a local socket, because the system closes it
 * when the process dies, however that happens. Each process first listens and then looks for others, so of two that start
 * at once at least one sees the other.
 * @throws StoreUnavailableError while another process has the folder
 */
export async function lockFolder(path: string): Promise<Unlock> {
  const real = await realpath(path)
  const name = `.pawl-${createHash('sha256').update(real).digest('hex').slice(0, 16)}`
  const giveUpAt = performance.now() + WAIT
  for (;;) {
    const unlock = process.platform === 'win32' ? await lockPipe(name) : await lockSocket(name, dirname(real))
    if (unlock !== null) return unlock
    if (performance.now() > giveUpAt) throw inUse(path)
    await delay(INTERVAL * (0.5 + Math.random()))
  }
}

/** Windows removes a pipe together with its process, so one name is enough. */
async function lockPipe(name: string): Promise<Unlock | null> {
  const server = await tryListen(`\\\\.\\pipe\\${name}`)
  return server === null ? null : () => closeServer(server)
}

/** The file of a socket outlives its process. Each has a name of its own, so nobody removes the file of a living one. */
async function lockSocket(name: string, parent: string): Promise<Unlock | null> {
  const own = `${name}-${randomBytes(4).toString('hex')}`
  // Beside the folder, where also processes with another folder for temporary files find it.
  const beside =
    Buffer.byteLength(join(parent, own)) > MAX_ADDRESS
      ? null
      : await tryListen(join(parent, own)).catch(() => null)
  const folder = beside === null ? tmpdir() : parent
  const server = beside ?? (await tryListen(join(folder, own)))
  if (server === null) return null
  for (const other of await readdir(folder)) {
    if (!other.startsWith(`${name}-`) || other === own) continue
    if (await isAnswered(join(folder, other))) {
      await closeServer(server)
      return null
    }
    await rm(join(folder, other), { force: true }).catch(() => {})
  }
  return () => closeServer(server)
}

/** @returns `null` if the address is taken */
async function tryListen(address: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy())
  try {
    server.listen(address)
    await once(server, 'listening')
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EADDRINUSE') return null
    throw error
  }
  server.unref()
  return server
}

async function isAnswered(address: string): Promise<boolean> {
  const socket = connect(address)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    // The socket of another user may be in use.
    return !['ECONNREFUSED', 'ENOENT'].includes((error as { code?: string }).code ?? '')
  } finally {
    socket.destroy()
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  await closed
}

function inUse(path: string): StoreUnavailableError {
  return new StoreUnavailableError(
    `Another process or thread uses the PGlite database in ${path}, and PGlite allows one. Stop it, or use a PostgreSQL server, which several processes can share.`,
  )
}
