import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import type { Client } from './support/client.ts'
import { KINDS } from './support/devices.ts'
import { THEFT, UNAUTHORISED } from './support/expected.ts'
import { signIn } from './support/sign-in.ts'
import type { ClientSite } from './support/site.ts'

/** Twice what the protocol needs: each side presents a token two generations after the theft. */
const ROUNDS = 4

describe.each(KINDS)('the copied tokens of $name', (kind) => {
  const ORDERS: readonly [string, (owner: Client, thief: Client) => readonly [Client, Client]][] = [
    ['the thief comes first', (owner, thief) => [thief, owner]],
    ['the owner comes first', (owner, thief) => [owner, thief]],
  ]

  browserTest.each(ORDERS)('end the session when both are used in turns: %s', async (_name, order) => {
    const { site, device, client: owner } = await signIn(kind)
    const thief = await (await device.copy()).start()
    const [first, second] = order(owner, thief)
    site.expire()
    expect(await first.ask()).toMatchObject({ status: 200, id: 'anna' })
    site.expire()
    expect(await second.ask()).toStrictEqual(THEFT)
    expect(await first.ask()).toStrictEqual(UNAUTHORISED)
    await expectEnd(site, owner, thief)
    expect(await device.tokens()).toStrictEqual([])
  })

  browserTest('end the session when both are used at the same time', async () => {
    const { site, device, client: owner } = await signIn(kind)
    const thief = await (await device.copy()).start()
    let rounds = 0
    while (site.ended.length === 0) {
      if (++rounds > ROUNDS) throw new Error(`The thief stays for ${ROUNDS} rounds.`)
      site.expire()
      await Promise.all([owner.ask(), thief.ask()])
      await site.sessions.flush()
    }
    const answers = [await owner.ask(), await thief.ask()]
    for (const { status } of answers) expect(status).toBe(401)
    await expectEnd(site, owner, thief)
    // Only who knows the password comes back.
    expect((await owner.login()).status).toBe(200)
    expect(await owner.ask()).toMatchObject({ status: 200, id: 'anna' })
    expect(await thief.ask()).toStrictEqual(UNAUTHORISED)
  })

  browserTest('are worth nothing after a sign-out', async () => {
    const { site, device, client: owner } = await signIn(kind)
    const thief = await (await device.copy()).start()
    await owner.signOut()
    expect(await thief.ask()).toStrictEqual(UNAUTHORISED)
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
  })
})

async function expectEnd(site: ClientSite, ...clients: Client[]): Promise<void> {
  expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['reuse'])
  for (const client of clients) {
    expect(await client.exists()).toBe(false)
    expect(await client.actions()).toContain('UNAUTHORISED')
  }
}
