import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { APPS, KINDS, WEBSITES } from './support/devices.ts'
import { requests, signIn } from './support/sign-in.ts'
import { REFRESH } from './support/site.ts'

const HOUR = 3600

describe.each([
  ['ahead', -HOUR],
  ['behind', HOUR],
])('a device whose clock is an hour %s', (_name, server) => {
  const clock = () => createFakeClock(Date.now() + server * 1000)

  browserTest.each(KINDS)('stays signed in with $name', async (kind) => {
    const { site, client } = await signIn(kind, { clock: clock() })
    expect((await client.ask()).status).toBe(200)
    expect(requests(site)).toStrictEqual(['GET /me 200'])
    expect(await client.exists()).toBe(true)
    for (let round = 0; round < 3; round++) {
      site.expire()
      expect((await client.ask()).status).toBe(200)
      expect(await client.exists()).toBe(true)
    }
    await client.signOut()
    expect(await client.exists()).toBe(false)
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
  })

  browserTest.each(WEBSITES)('refreshes no more than others with $name', async (kind) => {
    const { site, client } = await signIn(kind, { clock: clock() })
    for (let round = 0; round < 3; round++) {
      expect(await client.exists()).toBe(true)
      expect((await client.payload())['sub']).toBe('anna')
    }
    expect(requests(site)).toStrictEqual([])
  })
})

browserTest.each(KINDS)('a clock that jumps by an hour signs nobody out of $name', async (kind) => {
  const { site, client } = await signIn(kind)
  for (const jump of [HOUR, -HOUR, -HOUR]) {
    await client.shift(jump)
    expect(await client.exists()).toBe(true)
    expect((await client.ask()).status).toBe(200)
  }
  // One refresh finds out how much the clock is off.
  const refreshes = requests(site).filter((line) => line === `${REFRESH} 200`)
  expect(refreshes).toHaveLength(1)
  expect(site.ended).toStrictEqual([])
})

browserTest.each(APPS)(
  'the limit of refreshes ends a loop of $name with its clock an hour ahead',
  async (kind) => {
    const refreshesPerMinute = 10
    const { site, client } = await signIn(kind, {
      clock: createFakeClock(Date.now() - HOUR * 1000),
      sessions: { limits: { refreshesPerMinute } },
    })
    // This client takes every new token for expired, and refreshes again.
    await expect(client.payload()).rejects.toMatchObject({ status: 503 })
    expect(requests(site)).toStrictEqual([
      // The limit counts by token: the first one, and the one that the first refresh answered with.
      ...Array.from({ length: 1 + refreshesPerMinute }, () => `${REFRESH} 200`),
      `${REFRESH} 503`,
    ])
    expect((await client.ask()).status).toBe(200)
    expect(site.ended).toStrictEqual([])
  },
)
