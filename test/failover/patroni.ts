import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../demo/embedded-postgres.ts'
import { until } from '../fleet/until.ts'
import { startHaProxy } from './haproxy.ts'
import { createMachine, type Machine, type Service } from './machine.ts'
import { isRunning, signalTrees } from './process-tree.ts'
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

interface Ports {
  readonly name: string
  readonly postgresPort: number
  readonly restPort: number
}

/**
 * The shortest `ttl` that all versions of Patroni accept. `loop_wait` + 2 × `retry_timeout` may not be longer, so that a
 * primary that cannot reach etcd steps down before another one is elected.
 */
const TIMES = { ttl: 20, loop_wait: 2, retry_timeout: 5 }
const NODES = ['north', 'south']
const HEALTHY_WITHIN = 90_000
const DEAD_WITHIN = 10_000
/** A frozen node answers nothing. */
const READ_WITHIN = 2000
const CHANGE_WITHIN = 30_000
const SUPERUSER = 'pawl'

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
    const file = await machine.write(`${own.name}.yml`, configuration(machine, tools, own, etcdPort))
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
      const { members } = (await callJson(restPort, 'GET', '/cluster').catch(() => ({}))) as {
        members?: readonly Member[]
      }
      if (members !== undefined) return members
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

async function startEtcd(machine: Machine, program: string): Promise<number> {
  const [clientPort, peerPort] = [await freePort(), await freePort()]
  const [client, peer] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`]
  const service = machine.start('etcd', program, [
    ...['--name', 'etcd', '--data-dir', join(machine.home, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `etcd=${peer}`, '--enable-v2'],
  ])
  await untilOrLogs(machine, 'etcd answers', async () => {
    if (!service.running) throw new Error(`etcd stopped at start:\n${service.log}`)
    return await callJson(clientPort, 'GET', '/health').then(
      () => true,
      () => false,
    )
  })
  return clientPort
}

/** The configuration of one node. JSON is YAML. */
function configuration(machine: Machine, tools: Tools, own: Ports, etcdPort: number): string {
  return JSON.stringify({
    scope: 'pawl',
    name: own.name,
    restapi: { listen: `127.0.0.1:${own.restPort}`, connect_address: `127.0.0.1:${own.restPort}` },
    // Not `etcd3`: with it, a primary of Patroni 3.0 that was frozen takes the lock back from its successor.
    etcd: { host: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ...TIMES,
        maximum_lag_on_failover: 1024 * 1024,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: { max_connections: 100, wal_keep_size: '256MB' },
        },
      },
      // `pg_rewind` needs checksums, or hint bits in the WAL.
      initdb: ['data-checksums', { encoding: 'UTF8' }, { locale: 'C' }],
    },
    postgresql: {
      listen: `127.0.0.1:${own.postgresPort}`,
      connect_address: `127.0.0.1:${own.postgresPort}`,
      data_dir: join(machine.home, own.name),
      bin_dir: tools.postgres,
      pgpass: join(machine.home, `${own.name}.pgpass`),
      authentication: {
        superuser: { username: SUPERUSER, password: 'unused' },
        replication: { username: 'replicator', password: 'unused' },
      },
      pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
      // Processes are killed, not the operating system: what PostgreSQL has written survives without fsync.
      parameters: { unix_socket_directories: '', shared_buffers: '32MB', fsync: 'off' },
    },
    tags: {},
  })
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
    await until(what, HEALTHY_WITHIN, condition)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${machine.logs()}`, { cause: error })
  }
}

/** @returns the body of the answer, parsed if it is JSON */
async function callJson(port: number, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(method === 'GET' ? READ_WITHIN : CHANGE_WITHIN),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
