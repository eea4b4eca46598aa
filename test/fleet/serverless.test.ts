import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { bundle } from './bundle.ts'

it('a process with `serverless` has written everything with its answer, and ends by itself', {
  timeout: 60_000,
}, async () => {
  const url = await createDatabase()
  const program = await bundle(new URL('./serverless-function.ts', import.meta.url))
  onTestFinished(() => program.remove())
  const child = spawn(process.execPath, [program.path], {
    env: { ...process.env, DATABASE_URL: url, PAWL_SECRET: SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const [sessionId] = (await Promise.race([once(child.stdout, 'data'), exited])).map(String)
  const answeredAt = performance.now()
  expect(await exited).toStrictEqual([0, null])
  // An idle connection that kept the process would keep it for ten seconds.
  expect(performance.now() - answeredAt).toBeLessThan(8000)
  const sessions = await openSessions({ store: postgres({ connectionString: url, listen: false }) })
  expect(await sessions.get(sessionId!.trim())).toMatchObject({ generation: 1 })
})
