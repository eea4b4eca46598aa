import { randomBytes } from 'node:crypto'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { createFolder } from '../support/packed-package.ts'
import { bundleContract } from './contract/bundle.ts'
import { FLOW, runFlow } from './flow.ts'
import { installRuntimes, RUNTIMES, runScript, startServer } from './runtime.ts'

const folder = await createFolder('runtimes')

beforeAll(async () => {
  await installRuntimes(folder, [inject('tarball'), 'pg'])
  await cp(join(import.meta.dirname, 'server'), folder, { recursive: true })
  await bundleContract(join(folder, 'contract.js'))
}, 180_000)

describe.each(RUNTIMES)('$name', (runtime) => {
  it('passes the contract of the stores', { timeout: 60_000 }, async () => {
    const output = await runScript(runtime, folder, ['contract.js'], { SERVER_URL: inject('serverUrl') })
    const atLeast = (count: number): unknown => ({
      passed: expect.toSatisfy((passed: number) => passed >= count),
      failures: [],
    })
    expect(JSON.parse(output)).toStrictEqual({
      memory: atLeast(80),
      postgres: atLeast(80),
      settings: atLeast(80),
      addresses: atLeast(40),
      contexts: atLeast(10),
    })
  })

  it.each(runtime.servers)(
    'serves sessions on %s, and another service verifies their tokens',
    async (server) => {
      const url = await createDatabase()
      const secret = randomBytes(32).toString('base64url')
      const environment = { SERVER_DATABASE: url, PAWL_SECRET: secret }
      const { port, stop } = await startServer(runtime, folder, ['server.js', server], environment)
      const other = await createSessions({ store: postgres({ connectionString: url }), secret })
      try {
        expect(await runFlow(port, other)).toStrictEqual(FLOW)
      } finally {
        await other.close()
      }
      expect(await stop()).toBe(0)
    },
  )
})
