import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../demo/embedded-postgres.ts'
import { until } from '../fleet/until.ts'
import { startEtcd } from './etcd.ts'
import { startHaProxy } from './haproxy.ts'
import { createMachine, type Machine, type Service } from './machine.ts'
import { configurationOf, type Ports, SUPERUSER } from './patroni-configuration.ts'
import { isRunning, signalTrees } from './process-tree.ts'
import { callJson } from './rest.ts'
import type { Tools } from './tools.ts'

/** Two PostgreSQL servers under Patroni, with etcd and HAProxy. */
export interface PatroniCluster {
  /** Connects to the primary of the moment, through HAProxy, as superuser. */
  readonly url: string
  /** The node that is the primary now. */
  primary(): Promise<PatroniNode>
  /** Waits until another node than this one is the primary. */
  untilReplaced(old: PatroniNode): Promise<void>
  /** A planned switchover to the other node. */
  switchOver(): Promise<void>
  /** Turns `synchronous_mode` on or off and waits until the standby replicates that way. */
  replicateSynchronously(on: boolean): Promise<void>
  /** Waits until one node is the primary and the other one follows it on its timeline. */
  untilHealthy(): Promise<void>
  /** The end of the output of all programs. */
  logs(): string
  remove(): Promise<void>
}

/** One Patroni with its PostgreSQL: a machine of the cluster. */
export interface PatroniNode {
  readonly name: string
  /** Kills Patroni and PostgreSQL with -9, as a power failure does. */
  kill(): Promise<void>
  /** Starts Patroni again. The data is kept. */
  start(): void
  /** Stops all processes where they are: the node answers nothing, and its connections stay open. */
  freeze(): void
  thaw(): void
  /** HAProxy resets the connections to the node and forwards no new ones. Patroni does not notice. */
  cutOff(): Promise<void>
  reconnect(): Promise<void>
}

/** What Patroni's REST API says of a member. */
interface Member {
  readonly name: string
  readonly role: string
  readonly state: string
  readonly timeline?: number
  readonly lag?: number | 'unknown'
}

const NODES = ['north', 'south']
const HEALTHY_WITHIN = 90_000
const DEAD_WITHIN = 10_000
/** Patroni's REST API is asked this often, in ms. */
const ASK_INTERVAL = 200

export async function startPatroniCluster(tools: Tools): Promise<PatroniCluster> {
  const machine = await createMachine('patroni')
  try {
    return await start(machine, tools)
  } catch (error) {
    await machine.remove()
    throw error
  }
}

async function start(machine: Machine, tools: Tools): Promise<PatroniCluster> {
  const etcdPort = await startEtcd(machine, tools.etcd)
  const ports: Ports[] = []
  for (const name of NODES) ports.push({ name, postgresPort: await freePort(), restPort: await freePort() })
  const haproxy = await startHaProxy(machine, tools.haproxy, ports)
  const nodes = new Map<string, PatroniNode>()
  for (const own of ports) {
    const file = await machine.write(
      `${own.name}.yml`,
      configurationOf(own, { home: machine.home, programs: tools.postgres, etcdPort }),
    )
    const data = join(machine.home, own.name)
    let patroni: Service = machine.start(own.name, tools.patroni, [file])
    const roots = (): number[] => [...(patroni.running ? [patroni.pid] : []), ...postmasterOf(data)]
    machine.alsoKills(roots)
    nodes.set(own.name, {
      name: own.name,
      async kill() {
        const killed = roots()
        signalTrees(killed, 'SIGKILL')
        await until(`${own.name} is dead`, DEAD_WITHIN, () => !killed.some(isRunning))
      },
      start() {
        patroni = machine.start(own.name, tools.patroni, [file])
      },
      freeze: () => signalTrees(roots(), 'SIGSTOP'),
      thaw: () => signalTrees(roots(), 'SIGCONT'),
      cutOff: () => haproxy.cut(own.name),
      reconnect: () => haproxy.mend(own.name),
    })
  }

  async function members(): Promise<readonly Member[]> {
    for (const { restPort } of ports) {
      const answer = await callJson(restPort, 'GET', '/cluster').catch(() => null)
      if (answer !== null) return (answer as { members: readonly Member[] }).members
    }
    return []
  }

  async function leader(): Promise<Ports> {
    let found: Ports | undefined
    await untilOrLogs(machine, 'one node is the primary', async () => {
      const name = (await members()).find(({ role, state }) => role === 'leader' && state === 'running')?.name
      found = ports.find((own) => own.name === name)
      return found !== undefined
    })
    return found!
  }

  const untilFollowing = (standby: string, what: string): Promise<void> =>
    untilOrLogs(machine, what, async () => {
      const now = await members()
      const primary = now.find(({ role }) => role === 'leader')
      const other = now.find(({ role }) => role !== 'leader')
      return (
        now.length === NODES.length &&
        primary?.state === 'running' &&
        other !== undefined &&
        new RegExp(`^${standby}$`).test(other.role) &&
        // Newer versions say `streaming`.
        ['running', 'streaming'].includes(other.state) &&
        other.timeline === primary.timeline &&
        other.lag === 0
      )
    })

  const cluster: PatroniCluster = {
    url: `postgres://${SUPERUSER}@127.0.0.1:${haproxy.port}/postgres`,
    primary: async () => nodes.get((await leader()).name)!,
    untilReplaced: (old) =>
      untilOrLogs(machine, `another node than ${old.name} is the primary`, async () => {
        return (await leader()).name !== old.name
      }),
    async switchOver() {
      const { name, restPort } = await leader()
      const candidate = NODES.find((other) => other !== name)
      await callJson(restPort, 'POST', '/switchover', { leader: name, candidate })
    },
    async replicateSynchronously(on) {
      const { restPort } = await leader()
      await callJson(restPort, 'PATCH', '/config', { synchronous_mode: on })
      await untilFollowing(
        on ? 'sync_standby' : 'replica',
        `the standby replicates ${on ? 'synchronously' : 'asynchronously'}`,
      )
    },
    untilHealthy: () =>
      untilFollowing('replica|sync_standby', 'one primary, and one standby that follows it'),
    logs: () => machine.logs(),
    remove: () => machine.remove(),
  }
  await cluster.untilHealthy()
  return cluster
}

/** PostgreSQL is not a child of the Patroni that started it. */
function postmasterOf(data: string): number[] {
  try {
    const pid = Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10)
    return isRunning(pid) ? [pid] : []
  } catch {
    return []
  }
}

async function untilOrLogs(machine: Machine, what: string, condition: () => Promise<boolean>): Promise<void> {
  try {
    await until(what, HEALTHY_WITHIN, async () => {
      const done = await condition()
      if (!done) await sleep(ASK_INTERVAL)
      return done
    })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${machine.logs()}`, { cause: error })
  }
}
