import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'

const next = createRequire(import.meta.url)('next') as typeof import('next').default
const { PORT } = process.env

const app = next({ dev: true, dir: import.meta.dirname, hostname: 'localhost', port: Number(PORT) })
await app.prepare()
// Imported late, because it imports modules of Next that need a prepared process.
const application = await import('./sessions.ts')
const sessions = await application.sessions().catch((error: unknown) => {
  console.error(error)
  // Next keeps the process alive after an error.
  process.exit(1)
})

const server = createServer(app.getRequestHandler()).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close()
    // Open requests get one second. Browsers keep idle connections open for longer.
    await Promise.race([once(server, 'close'), setTimeout(1000)])
    await app.close()
    await sessions.close()
    // Next still watches files, which keeps the process alive.
    process.exit()
  })
}
