import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFailed, onTestFinished } from 'vitest'
import type { Hook } from '../load/options.ts'
import { brokenGuarantees, type LoadReport, textOf } from '../load/report.ts'
import { runLoad } from '../load/run.ts'
import { type PatroniCluster, startPatroniCluster } from './patroni.ts'
import { type StreamingPair, startStreamingPair } from './streaming-pair.ts'
import { createTable, type Failure } from './table.ts'
import { findTools, type Tools } from './tools.ts'

const found = findTools()
// `.ci/run` installs the packages, so in CI these tests must run.
if (typeof found === 'string' && process.env['CI'] !== undefined) throw new Error(found)
if (typeof found === 'string') console.log(`${found} The failover tests are skipped.`)
const missing = typeof found === 'string'
const tools = found as Tools

/** `.ci/run` runs a part, because all of them take too long. */
const onlyShort = process.env['PAWL_FAILOVER'] === 'short'

/** Seconds of load before the failure. */
const AT = 5
/** Seconds from the failure until all calls must work again. Patroni alone takes its `ttl` of 20 s. */
const RECOVERED_WITHIN = 60
/** For a test, in ms: the load, its start, and the way back to a healthy cluster. */
const TIMEOUT = 240_000

const table = createTable()
afterAll(() => table.print())

/** Runs the load through the failure. All calls must work again at the end. */
async function runThrough(url: string, seconds: number, hooks: readonly Hook[]): Promise<LoadReport> {
  const report = await runLoad({ urls: [url], seconds, processes: 2, clients: 15, hooks, say: () => {} })
  for (const { name, seconds: recovered, failed } of report.recoveries) {
    expect(failed, `${name}\n${textOf(report)}`).toBeNull()
    expect(recovered ?? Number.POSITIVE_INFINITY, `${name}\n${textOf(report)}`).toBeLessThan(RECOVERED_WITHIN)
  }
  return report
}

describe.skipIf(missing)('with streaming replication and no manager,', () => {
  const failure = (name: string): Failure => ({ cluster: 'streaming', replication: 'asynchronous', name })

  /** Each test needs a pair of its own, because a promoted standby has no standby. */
  async function startPair(): Promise<StreamingPair> {
    const pair = await startStreamingPair(tools)
    onTestFinished(() => pair.remove())
    return pair
  }

  async function killAndPromote(pair: StreamingPair): Promise<void> {
    await pair.killPrimary()
    // Nobody promotes at once.
    await sleep(2000)
    await pair.promoteStandby()
  }

  it('nobody is logged out if the primary is killed and the standby promoted', {
    timeout: TIMEOUT,
  }, async () => {
    const pair = await startPair()
    const report = await runThrough(pair.url, 20, [
      { at: AT, name: 'kill and promote', run: () => killAndPromote(pair) },
    ])
    table.add(failure('kill, promotion after 2 s'), report, report.loginsLost)
    expect(brokenGuarantees(report), textOf(report)).toStrictEqual([])
  })

  it.skipIf(onlyShort)(
    'nobody is logged out if packets to the primary are held back and arrive late',
    {
      timeout: TIMEOUT,
    },
    async () => {
      const { url, proxy } = await startPair()
      const holdBack = async (): Promise<void> => {
        proxy.stall()
        await sleep(12_000)
        proxy.resume()
      }
      const report = await runThrough(url, 32, [{ at: AT, name: 'packets held back', run: holdBack }])
      table.add(failure('packets held back for 12 s'), report, report.loginsLost)
      expect(brokenGuarantees(report), textOf(report)).toStrictEqual([])
      expect(report.loginsLost, textOf(report)).toStrictEqual([])
    },
  )

  it.skipIf(onlyShort)(
    'only logins are lost if replication had stopped before the kill, and only later ones',
    {
      timeout: TIMEOUT,
    },
    async () => {
      const pair = await startPair()
      const report = await runThrough(pair.url, 34, [
        { at: AT, name: 'stop replication', run: () => pair.stopReplication() },
        { at: AT + 8, name: 'kill and promote', run: () => killAndPromote(pair) },
      ])
      const losses = [...report.loginsLost, ...report.honestLogouts, ...report.lost]
      const laterLogins = losses.filter(({ at, age, reason }) => reason === 'unknown' && at - age > AT)
      table.add(failure('no replication for 8 s, kill, promotion'), report, laterLogins)
      expect(laterLogins, textOf(report)).toStrictEqual(losses)
      // Otherwise the run shows nothing: the standby has missed logins and logouts.
      expect(losses.length, textOf(report)).toBeGreaterThan(0)
      expect(report.revoked, textOf(report)).toBeGreaterThan(0)
      // The processes know the ends that the database has lost, and have ended these sessions again.
      expect(report.revived, textOf(report)).toStrictEqual([])
      expect(report.crashed, textOf(report)).toBe(0)
    },
  )
})

describe.skipIf(missing)('with Patroni, etcd and HAProxy,', () => {
  let cluster: PatroniCluster

  beforeAll(async () => {
    cluster = await startPatroniCluster(tools)
  }, TIMEOUT)
  afterAll(() => cluster?.remove())

  const failures = [
    {
      name: 'planned switchover',
      seconds: 20,
      replaces: true,
      short: false,
      run: () => cluster.switchOver(),
    },
    {
      name: 'kill of Patroni and PostgreSQL',
      seconds: 45,
      replaces: true,
      short: true,
      async run() {
        const old = await cluster.primary()
        await old.kill()
        await cluster.untilReplaced(old)
        old.start()
      },
    },
    {
      name: 'freeze of the primary',
      seconds: 50,
      replaces: true,
      short: false,
      async run() {
        const old = await cluster.primary()
        old.freeze()
        await cluster.untilReplaced(old)
        // Its successor has accepted logins when the old primary continues.
        await sleep(3000)
        old.thaw()
      },
    },
    {
      name: 'network cut for 8 s',
      seconds: 25,
      replaces: false,
      short: false,
      async run() {
        const node = await cluster.primary()
        await node.cutOff()
        await sleep(8000)
        await node.reconnect()
      },
    },
  ]

  describe.each(['asynchronous', 'synchronous'])('%s replication,', (replication) => {
    const synchronous = replication === 'synchronous'

    beforeAll(() => cluster.replicateSynchronously(synchronous), TIMEOUT)

    for (const { name, seconds, replaces, short, run } of failures)
      it.skipIf(onlyShort && !short)(`nobody is logged out by a ${name}`, { timeout: TIMEOUT }, async () => {
        onTestFailed(() => console.log(cluster.logs()))
        const before = await cluster.primary()
        const report = await runThrough(cluster.url, seconds, [{ at: AT, name, run }])
        table.add({ cluster: 'Patroni', replication, name }, report, report.loginsLost)
        expect(brokenGuarantees(report), textOf(report)).toStrictEqual([])
        // An asynchronous failover may lose the last logins.
        if (synchronous || !replaces) expect(report.loginsLost, textOf(report)).toStrictEqual([])
        // The old primary rejoins as the standby.
        await cluster.untilHealthy()
        expect((await cluster.primary()).name !== before.name).toBe(replaces)
      })
  })
})
