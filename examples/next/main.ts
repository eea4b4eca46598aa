import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const next = createRequire(import.meta.url)('next') as typeof import('next').default
const { PORT } = process.env

const app = next({ dev: true, dir: import.meta.dirname, hostname: 'localhost', port: Number(PORT) })
await app.prepare()
// Not before: Next prepares the process for what this imports of it.
const { sessions } = await import('./sessions.ts')

const server = createServer(app.getRequestHandler()).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close()
    await app.close()
    await (await sessions()).close()
    // Browsers hold connections, and Next still watches its files.
    process.exit()
  })
}
