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

/** Scripts of `test/package/peers`, each a visit to an application of one framework, and what they need. */
const FRAMEWORKS = ['express', 'fastify', 'h3', 'hono', 'koa', 'nest'] as const
const PACKAGES = [
  ...['pg', ...FRAMEWORKS.filter((name) => name !== 'nest')],
  ...['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs@7'],
]

const secret = randomBytes(32).toString('base64url')
const folder = await createFolder('runtimes')

beforeAll(async () => {
  await installRuntimes(folder, [inject('tarball'), ...PACKAGES])
  await cp(join(import.meta.dirname, 'server'), folder, { recursive: true })
  await cp(join(import.meta.dirname, '../package/peers'), join(folder, 'peers'), { recursive: true })
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

// `test/package/peers.test.ts` asserts what each visit is answered in Node.js.
describe.each(RUNTIMES.filter(({ name }) => !name.startsWith('Node.js')))('$name', (runtime) => {
  it.each(FRAMEWORKS)('serves a visit with %s as Node.js does', async (framework) => {
    const [answers, expected] = await Promise.all(
      [runtime, RUNTIMES[0]!].map(async (one) =>
        JSON.parse(await runScript(one, folder, [`peers/${framework}.js`], { PAWL_SECRET: secret })),
      ),
    )
    expect(answers).toStrictEqual(expected)
  })
})
