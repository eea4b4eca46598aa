import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'

/** Handles the `upgrade` event of a server. */
export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown

/** Serves HTTP on a free port of this machine until the test is done. @returns the port */
export function listen(listener: RequestListener, upgrade?: UpgradeListener): Promise<number> {
  const server = createServer(listener)
  if (upgrade !== undefined) server.on('upgrade', upgrade)
  return start(server)
}

/** A TCP relay that a test can interrupt. */
export interface Relay {
  readonly port: number
  cut(): void
  restore(): void
}

export async function relayTo(host: string, port: number): Promise<Relay> {
  let connected = true
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    if (!connected) return void socket.destroy()
    sockets.add(socket)
    const upstream = connect(port, host)
    socket.on('error', () => {}).on('close', () => upstream.destroy())
    upstream.on('error', () => {}).on('close', () => socket.destroy())
    socket.pipe(upstream).pipe(socket)
  })
  return {
    port: await start(server),
    cut() {
      connected = false
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    restore() {
      connected = true
    },
  }
}

async function start(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return (server.address() as AddressInfo).port
}
