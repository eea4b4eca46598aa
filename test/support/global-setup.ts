import type { TestProject } from 'vitest/node'
import { createEmbeddedPostgres } from '../../demo/embedded-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of a server on which tests may create databases. */
    serverUrl: string
  }
}

/** One PostgreSQL for the whole run: `DATABASE_URL`, or an embedded one. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['DATABASE_URL']
  if (given !== undefined && given !== '') {
    project.provide('serverUrl', given)
    return async () => {}
  }
  // Without fsync tests do not wait for the disk. Their data need not survive a power failure.
  const server = await createEmbeddedPostgres(['fsync=off', 'max_connections=200'])
  await server.start()
  project.provide('serverUrl', server.url)
  return () => server.remove()
}
