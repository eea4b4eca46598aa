import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { bundle } from './bundle.ts'

it('a process with `serverless` has written everything with its answer, and ends by itself', async () => {
  const url = await createDatabase()
  const program = await bundle(new URL('./serverless-function.ts', import.meta.url))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program.path], {
      env: { ...process.env, DATABASE_URL: url, PAWL_SECRET: SECRET },
      // An idle connection that kept the process would keep it for ten seconds.
      timeout: 8000,
    })
    const sessions = await openSessions({ store: postgres({ connectionString: url, listen: false }) })
    expect(await sessions.get(stdout.trim())).toMatchObject({ generation: 1 })
  } finally {
    await program.remove()
  }
})
