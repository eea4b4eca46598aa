import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'

const next = createRequire(import.meta.url)('next') as typeof import('next').default
const { PORT } = process.env

const app = next({ dev: true, dir: import.meta.dirname, hostname: 'localhost', port: Number(PORT) })
await app.prepare()
// Not before: Next prepares the process for what this imports of it.
const application = await import('./sessions.ts')
const sessions = await application.sessions().catch((error: unknown) => {
  console.error(error)
  // Next would have the process go on.
  process.exit(1)
})

const server = createServer(app.getRequestHandler()).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close()
    // Requests get a second. Browsers hold connections for longer.
    await Promise.race([once(server, 'close'), setTimeout(1000)])
    await app.close()
    await sessions.close()
    // Next still watches its files.
    process.exit()
  })
}
