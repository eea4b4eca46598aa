import { beforeAll, describe } from 'vitest'
import type { Adapter } from './adapters/application.ts'
import { express4Adapter, express5Adapter } from './adapters/express.ts'
import { fastifyAdapter } from './adapters/fastify.ts'
import { fetchAdapter } from './adapters/fetch.ts'
import { h3Adapter } from './adapters/h3.ts'
import { honoAdapter } from './adapters/hono.ts'
import { koaAdapter } from './adapters/koa.ts'
import { nestExpressAdapter, nestFastifyAdapter } from './adapters/nest.ts'
import { nextAdapter } from './adapters/next.ts'
import { nodeAdapter } from './adapters/node.ts'

/** Every adapter serves the same application, so that the same tests run on all of them. */
const ADAPTERS: readonly Adapter[] = [
  nodeAdapter,
  express5Adapter,
  express4Adapter,
  fastifyAdapter,
  koaAdapter,
  nestExpressAdapter,
  nestFastifyAdapter,
  honoAdapter,
  h3Adapter,
  fetchAdapter,
  nextAdapter,
]

/** Runs the same tests on every adapter. */
export function describeAdapters(name: string, tests: (adapter: Adapter) => void): void {
  describe.each(ADAPTERS)(`${name} ($name)`, (adapter) => {
    if (adapter.prepare !== undefined) beforeAll(adapter.prepare, 180_000)
    tests(adapter)
  })
}
