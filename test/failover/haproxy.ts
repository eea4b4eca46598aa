import { connect } from 'node:net'
import { freePort } from '../../demo/embedded-postgres.ts'
import { until } from '../fleet/until.ts'
import type { Machine } from './machine.ts'

/** HAProxy in front of a Patroni cluster. It forwards to the node that Patroni's REST API calls the primary. */
export interface HaProxy {
  readonly port: number
  /** Cuts a node off: resets its connections and forwards no new ones. */
  cut(node: string): Promise<void>
  mend(node: string): Promise<void>
}

/** A node behind HAProxy. */
interface Backend {
  readonly name: string
  readonly postgresPort: number
  readonly restPort: number
}

const START_WITHIN = 10_000

export async function startHaProxy(
  machine: Machine,
  program: string,
  backends: readonly Backend[],
): Promise<HaProxy> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const file = await machine.write(
    'haproxy.cfg',
    [
      'global',
      `  stats socket ipv4@127.0.0.1:${adminPort} level admin`,
      'defaults',
      '  mode tcp',
      '  timeout connect 2s',
      '  timeout client 1h',
      '  timeout server 1h',
      '  timeout check 1s',
      'listen primary',
      `  bind 127.0.0.1:${port}`,
      '  option httpchk OPTIONS /primary',
      '  http-check expect status 200',
      // Without this, connections to a frozen primary would stay open for ever.
      '  default-server inter 1s fall 2 rise 2 on-marked-down shutdown-sessions',
      ...backends.map(
        ({ name, postgresPort, restPort }) =>
          `  server ${name} 127.0.0.1:${postgresPort} check port ${restPort}`,
      ),
      '',
    ].join('\n'),
  )
  const service = machine.start('haproxy', program, ['-db', '-f', file])
  await until(`HAProxy answers\n${machine.logs()}`, START_WITHIN, async () => {
    if (!service.running) throw new Error(`HAProxy stopped at start:\n${service.log}`)
    return (await ask(adminPort, 'show info').catch(() => '')).includes('Name: HAProxy')
  })
  return {
    port,
    async cut(node) {
      await ask(adminPort, `set server primary/${node} state maint`)
      await ask(adminPort, `shutdown sessions server primary/${node}`)
    },
    async mend(node) {
      await ask(adminPort, `set server primary/${node} state ready`)
    },
  }
}

/** Sends a command to the runtime API. @returns the answer */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\n`))
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
