import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { browserTest } from '../browser/support/browser-test.ts'
import { defer } from '../browser/support/defer.ts'
import { createDatabase, createPool } from '../support/database.ts'
import type { Client } from './support/client.ts'
import { APPS, type Device, KINDS, type StartOptions, WEBSITES } from './support/devices.ts'
import { UNAUTHORISED } from './support/expected.ts'
import { signIn } from './support/sign-in.ts'
import { type ClientSite, REFRESH } from './support/site.ts'

const pool = createPool(await createDatabase())
/** Refreshes that can wait for each other. A browser opens at most six connections to a host. */
const CONCURRENT = 5

/** Starts further tabs or processes. */
async function startMore(
  device: Device,
  client: Client,
  count: number,
  options?: StartOptions,
): Promise<Client[]> {
  const clients = [client]
  while (clients.length < count) clients.push(await device.start(options))
  return clients
}

/** Holds the answers to all refreshes back until enough has happened. */
function holdRefreshes(site: ClientSite, isEnough: (refreshes: number) => boolean): void {
  site.network.always(REFRESH, async (pass) => {
    const answer = await pass()
    while (!isEnough(site.refreshes())) await pause(5)
    return answer
  })
}

async function expireTogether(site: ClientSite, clients: readonly Client[]): Promise<void> {
  site.expire()
  const answers = await Promise.all(clients.map((client) => client.ask()))
  for (const answer of answers) expect(answer).toMatchObject({ status: 200, id: 'anna' })
  for (const client of clients) expect((await client.ask()).status).toBe(200)
  for (const client of clients) expect(await client.actions()).not.toContain('UNAUTHORISED')
  expect(site.ended).toStrictEqual([])
}

describe.each(WEBSITES)('ten tabs of $name whose access token expires at the same time', (kind) => {
  browserTest('share refreshes on PostgreSQL', async () => {
    const { site, device, client } = await signIn(kind, { sessions: { store: postgres({ pool }) } })
    const tabs = await startMore(device, client, 10)
    for (let round = 0; round < 2; round++) {
      const before = site.refreshes()
      let refused = 0
      site.network.always('GET /me', async (pass) => {
        const answer = await pass()
        if (answer.status === 401) refused++
        while (refused < CONCURRENT) await pause(5)
        return answer
      })
      await expireTogether(site, tabs)
      // The client's lock is made of timers: now and then several tabs get it. Without sharing, nine or ten refresh.
      expect(site.refreshes() - before).toBeLessThan(8)
    }
  })

  browserTest('may refresh concurrently', async () => {
    const { site, device, client } = await signIn(kind)
    // Without the lock of the client, as two browsers of one profile or a lock that times out.
    const tabs = await startMore(device, client, 10, { lock: false })
    holdRefreshes(site, (refreshes) => refreshes >= CONCURRENT)
    await expireTogether(site, tabs)
    expect(site.refreshes()).toBeGreaterThanOrEqual(CONCURRENT)
    site.network.calmDown()
    for (let round = 0; round < 3; round++) await expireTogether(site, tabs)
  })
})

browserTest.each(APPS)('five processes of $name with one storage stay signed in', async (kind) => {
  const { site, device, client } = await signIn(kind)
  const processes = await startMore(device, client, 5)
  for (let round = 0; round < 5; round++) await expireTogether(site, processes)
})

browserTest.each(KINDS)(
  'all tabs and processes of $name see a sign-out, and a sign-in of another user',
  async (kind) => {
    const { site, device, client } = await signIn(kind)
    const clients = await startMore(device, client, 3)
    await clients[1]!.signOut()
    for (const each of clients) {
      expect(await each.exists()).toBe(false)
      expect(await each.ask()).toStrictEqual(UNAUTHORISED)
    }
    expect(site.refreshes()).toBe(0)
    await clients[2]!.login('berta')
    for (const each of clients) {
      expect(await each.userId()).toBe('berta')
      expect(await each.ask()).toMatchObject({ status: 200, id: 'berta' })
    }
  },
)

browserTest.each(KINDS)('a restart of $name during a refresh loses nothing', async (kind) => {
  const { site, device, client } = await signIn(kind)
  for (const isReleased of [true, false]) {
    site.expire()
    const held = site.network.hold(REFRESH)
    const dying = await device.start()
    const gone = dying.ask().catch(() => 'gone')
    await held.answered
    await dying.end()
    if (isReleased) held.release()
    else held.lose()
    // Another tab takes the lock of a closed one for lost after some seconds.
    await client.shift(10)
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    void gone
  }
  expect(await (await device.start()).ask()).toMatchObject({ status: 200, id: 'anna' })
  expect(site.ended).toStrictEqual([])
})

browserTest.each(KINDS)(
  'a refresh of $name that arrives after a login in another tab takes nothing from it',
  async (kind) => {
    const { site, device, client } = await signIn(kind)
    const other = await device.start()
    const [arrived, signedIn] = [defer(), defer()]
    site.network.next(REFRESH, async (pass) => {
      arrived.resolve()
      await signedIn.promise
      return pass()
    })
    site.expire()
    const asked = client.ask()
    await arrived.promise
    expect((await other.login('berta')).status).toBe(200)
    signedIn.resolve()
    await asked
    for (const each of [client, other]) {
      expect(await each.ask()).toMatchObject({ status: 200, id: 'berta' })
      expect(await each.actions()).not.toContain('UNAUTHORISED')
    }
    expect(site.ended.map(({ userId, reason }) => `${userId}: ${reason}`)).toStrictEqual(['anna: replaced'])
  },
)

browserTest.each(KINDS)(
  '$name has to sign in again if an old refresh is answered after a login in another tab',
  async (kind) => {
    const { site, device, client } = await signIn(kind)
    const other = await device.start()
    site.expire()
    const held = site.network.hold(REFRESH)
    const asked = client.ask()
    await held.answered
    await other.login('berta')
    held.release()
    // The client keeps the answer that comes last: the tokens of the session that the login has replaced.
    expect((await asked).status).toBe(503)
    expect((await other.ask()).status).toBe(503)
    await client.signOut()
    expect(await device.tokens()).toStrictEqual([])
    expect((await client.login('berta')).status).toBe(200)
    for (const each of [client, other]) expect(await each.ask()).toMatchObject({ status: 200, id: 'berta' })
  },
)
