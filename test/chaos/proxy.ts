import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A proxy for PostgreSQL that resets connections and adds latency. */
export interface TcpProxy {
  readonly port: number
  /** Milliseconds added to all data sent to the database. */
  latency: number
  /** Resets every connection. */
  cut(): void
  close(): Promise<void>
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const proxy = { latency: 0 }

  const server = createServer((inner) => {
    const outer = connect(target, '127.0.0.1')
    const end = (): void => {
      inner.destroy()
      outer.destroy()
    }
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    // A queue keeps the order when the latency changes.
    const waiting: { readonly chunk: Buffer; readonly dueAt: number }[] = []
    const pump = (): void => {
      while (waiting.length > 0 && waiting[0]!.dueAt <= performance.now()) outer.write(waiting.shift()!.chunk)
      if (waiting.length > 0) setTimeout(pump, Math.ceil(waiting[0]!.dueAt - performance.now()))
    }
    inner.on('data', (chunk: Buffer) => {
      waiting.push({ chunk, dueAt: performance.now() + proxy.latency })
      if (waiting.length === 1) pump()
    })
    outer.on('data', (chunk: Buffer) => inner.write(chunk))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    get latency() {
      return proxy.latency
    },
    set latency(milliseconds) {
      proxy.latency = milliseconds
    },
    cut,
    async close() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
