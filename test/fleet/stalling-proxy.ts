import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A proxy for PostgreSQL that can silently stop forwarding, as a dead route or firewall does. */
export interface StallingProxy {
  /** `url` with the proxy's port. */
  through(url: string): string
  /** Further connections go to the server of this URL. */
  redirect(url: string): void
  /** Holds back everything that either side sends from now on. */
  stall(): void
  /** Stalls as soon as a client has sent this. */
  stallAfter(text: string): void
  /** Delivers the held data and forwards again. */
  resume(): void
  /** Resets every connection. */
  cut(): void
  /** Connections accepted so far. */
  readonly accepted: number
  /** Whether the proxy holds data back. */
  readonly stalled: boolean
  close(): Promise<void>
}

export async function startStallingProxy(target: string): Promise<StallingProxy> {
  let { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let held: (() => void)[] | null = null
  let trigger: string | null = null
  let accepted = 0

  function forward(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (held === null) to.write(chunk)
      else held.push(() => to.write(chunk))
    })
  }

  const server = createServer((inner) => {
    accepted++
    const outer = connect(Number(port), hostname)
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
        // A stalled connection also hides its end.
        if (held === null) end()
        else held.push(end)
      })
    }
    inner.on('data', (chunk: Buffer) => {
      if (trigger === null || !chunk.includes(trigger)) return
      trigger = null
      held ??= []
    })
    forward(inner, outer)
    forward(outer, inner)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = (server.address() as AddressInfo).port

  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const proxy: StallingProxy = {
    through(url) {
      const changed = new URL(url)
      changed.port = String(own)
      return changed.href
    },
    redirect(url) {
      ;({ hostname, port } = new URL(url))
    },
    stall() {
      held ??= []
    },
    stallAfter(text) {
      trigger = text
    },
    resume() {
      const waiting = held ?? []
      held = null
      for (const deliver of waiting) deliver()
    },
    cut,
    get accepted() {
      return accepted
    },
    get stalled() {
      return held !== null
    },
    async close() {
      proxy.resume()
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
  return proxy
}
