import fc from 'fast-check'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import type { Engine } from '../../src/core/engine.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { anyCommand } from './lock-step/commands.ts'
import { type Settings, settings, World } from './lock-step/world.ts'

// A missing row is read again for a second.
vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

// What runs in the background does so by real time; here it is a step like any other.
const engines = vi.hoisted((): Engine[] => [])
vi.mock(import('../../src/core/operations/maintenance.ts'), async (original) => ({
  ...(await original()),
  startMaintenance(engine) {
    engines.push(engine)
    return { async stop() {} }
  },
}))
vi.mock(import('../../src/core/revocation/feed.ts'), () => ({
  createFeed: () => ({
    start() {},
    notifyPeers() {},
    async load() {},
    catchUp: () => null,
    problem: null,
    settled: () => null,
    async tick() {},
    trackWrite: (write) => write(),
    listening: false,
    canNotify: false,
    staleness: 0,
    foreign: 0,
    async stop() {},
  }),
}))

/** More of them for a longer search: `PAWL_RUNS=1000 npx vitest run test/properties/lock-step.test.ts`. */
const RUNS = Number(process.env['PAWL_RUNS'] ?? 15)

const pool = createPool(await createDatabase(), { idleTimeoutMillis: 0 })
const schema = 'lock_step'
let began = false

async function newWorld(given: Settings): Promise<World> {
  if (began) await pool.query(`truncate ${schema}.sessions, ${schema}.signing_keys`)
  began = true
  const store = memory()
  return World.open(given, [() => store, () => postgres({ pool, schema })], engines)
}

beforeEach(() => {
  // Only `flush` applies confirmations, so that both stores do it at the same step.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] })
  // Lifetimes are shortened at random.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('the memory store and PostgreSQL', () => {
  it('give the same answers, rows and events to the same calls at the same times', {
    timeout: 60_000 + RUNS * 2000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        settings,
        fc.commands([anyCommand], { maxCommands: 150, size: 'max' }),
        async (given, commands) => {
          const world = await newWorld(given)
          try {
            await fc.asyncModelRun(() => ({ model: {}, real: world }), commands)
          } finally {
            await world.close()
          }
        },
      ),
      { numRuns: RUNS },
    )
  })
})
