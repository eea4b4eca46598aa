import { join } from 'node:path'
import { freePort } from '../../demo/embedded-postgres.ts'
import { until } from '../fleet/until.ts'
import type { Machine } from './machine.ts'
import { callJson } from './rest.ts'

const START_WITHIN = 30_000

/** Starts etcd with one member, which is enough for a test. @returns the port for clients */
export async function startEtcd(machine: Machine, program: string): Promise<number> {
  const [clientPort, peerPort] = [await freePort(), await freePort()]
  const [client, peer] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`]
  const service = machine.start('etcd', program, [
    ...['--name', 'etcd', '--data-dir', join(machine.home, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `etcd=${peer}`, '--enable-v2'],
  ])
  await until('etcd answers', START_WITHIN, async () => {
    if (!service.running) throw new Error(`etcd stopped at start:\n${service.log}`)
    return await callJson(clientPort, 'GET', '/health').then(
      () => true,
      () => false,
    )
  })
  return clientPort
}
