import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { answerWith, type Disturbance, type Held, loseAnswer } from '../../browser/support/network.ts'
import { createRandom, type Random } from '../../chaos/random.ts'
import type { Client, Got, Sender } from './client.ts'
import type { Device, Kind } from './devices.ts'
import { type ClientSite, openClientSite, REFRESH } from './site.ts'

/** Lifetime of an access token, in seconds. Longer than any response takes. */
const LIFE = 30
/** The overlap, in seconds: twice as long as any response takes. */
const OVERLAP = 2 * (LIFE + 1)
/** After this long the clients take the lock of a closed tab for lost, in seconds. */
const LOCK_LOST = 10
/** Tabs of a browser, or processes of an app with one storage. */
const CLIENTS = 3

interface Storm {
  readonly random: Random
  readonly kind: Kind
  readonly site: ClientSite
  readonly device: Device
  readonly clients: Client[]
  readonly user: string
  readonly asked: Promise<unknown>[]
  readonly held: HeldSince[]
  readonly log: string[]
}

/** A response, and the time of its request. */
interface HeldSince extends Held {
  readonly since: number
}

/**
 * Runs random actions in several tabs or processes of one device. Each run begins with a login; the device keeps its state from
 * the previous run. Throws if a user is logged out who should not be.
 */
export async function storm(kind: Kind, runs: number): Promise<void> {
  const seed = Number(process.env['PAWL_SEED'] ?? Date.now() % 1e9)
  console.log(`PAWL_SEED=${seed} (${runs} runs of ${kind.name})`)
  const random = createRandom(seed)
  const site = await openClientSite({
    // Turns end long before the clock of the test advances.
    sessions: { accessToken: { lifetime: LIFE }, rotation: { overlap: OVERLAP } },
  })
  const device = await kind.open(site)
  const clients: Client[] = []
  while (clients.length < CLIENTS) clients.push(await device.start())
  for (let run = 0; run < runs; run++) {
    const log: string[] = []
    const user = `user-${run}`
    try {
      await oneRun({ random: random.fork(), kind, site, device, clients, user, asked: [], held: [], log })
    } catch (error) {
      throw new Error(`run ${run} of seed ${seed}: ${log.join(', ')}`, { cause: error })
    }
  }
}

async function oneRun(run: Storm): Promise<void> {
  const { random, site, clients, user, log } = run
  expect((await random.pick(clients).login(user)).status).toBe(200)
  for (const client of clients) await client.events()
  const steps = 4 + Math.floor(random.next() * 5)
  for (let step = 0; step < steps; step++) {
    const [name, act] = random.pick(ACTIONS)
    log.push(name)
    await act(run)
  }
  await settle(run)
  site.expire(random.pick([0, LIFE, 2 * OVERLAP + 6]))
  for (const client of clients) {
    expect(await client.ask()).toMatchObject({ status: 200, id: user })
    expect(await client.exists()).toBe(true)
    const actions = await client.actions()
    expect(actions).not.toContain('UNAUTHORISED')
    expect(actions).not.toContain('SIGN_OUT')
  }
  // Only the next login on the same device ends a session here.
  expect(site.ended.filter(({ reason }) => reason !== 'replaced')).toStrictEqual([])
}

type Action = readonly [name: string, act: (run: Storm) => unknown]

const ACTIONS: readonly Action[] = [
  ['ask', ask],
  ['ask', ask],
  ['all ask', askAll],
  ['all ask', askAll],
  ['exists', exists],
  ['expire', expire],
  ['expire', expire],
  ['expire', expire],
  ['sleep', sleep],
  ['lose', ({ site }) => site.network.next(REFRESH, loseAnswer)],
  ['break', ({ site }) => site.network.next(REFRESH, () => null)],
  ['503', ({ site }) => site.network.next(REFRESH, answerWith(503, { 'retry-after': '1' }))],
  ['late answer', (run) => run.site.network.next(REFRESH, late(run, 0, 80))],
  ['late request', (run) => run.site.network.next(REFRESH, late(run, 80, 0))],
  ['hold', hold],
  ['hold', hold],
  ['release', release],
  ['restart', restart],
  ['claims', claims],
  ['clock', clock],
]

function ask(run: Storm): void {
  askIn(run, run.random.pick(run.clients))
}

function askAll(run: Storm): void {
  for (const client of run.clients) askIn(run, client)
}

function askIn({ asked, kind, random, user }: Storm, client: Client): void {
  const sender = random.pick<Sender>(kind.isNative ? ['fetch', 'axios'] : ['fetch', 'fetch', 'xhr', 'axios'])
  watch(
    asked,
    client.ask('/me', {}, sender).then((got: Got) => {
      const isHonest = got.status === 200 ? got['id'] === user : [0, 503].includes(got.status)
      if (!isHonest) throw new Error(`got ${JSON.stringify(got)}`)
    }, ifClosed),
  )
}

function exists({ asked, clients, random }: Storm): void {
  watch(
    asked,
    random
      .pick(clients)
      .exists()
      .then(() => {}, ifClosed),
  )
}

/** A closed tab rejects. */
function ifClosed(): void {}

/** Awaited at the end of the run. */
function watch(asked: Promise<unknown>[], answer: Promise<unknown>): void {
  answer.catch(() => {})
  asked.push(answer)
}

/** Advances the clock while no request is under way, except those held back. */
async function expire({ site }: Storm): Promise<void> {
  await site.network.idle()
  site.expire(LIFE)
}

/** Advances the clock by a long time while no request is under way. */
async function sleep(run: Storm): Promise<void> {
  await settle(run)
  await run.site.sessions.flush()
  run.site.expire(run.random.pick([2 * OVERLAP + 6, 7200]))
}

function late({ random }: Storm, before: number, after: number): Disturbance {
  const [first, second] = [random.between(0, before), random.between(0, after)]
  return async (pass) => {
    await pause(first)
    const answer = await pass()
    await pause(second)
    return answer
  }
}

function hold({ site, held }: Storm): void {
  held.push({ ...site.network.hold(REFRESH), since: site.clock.now() })
}

/** Releases the newest response first, so that responses overtake each other. Loses those from before a clock change. */
function release({ site, held }: Storm): void {
  const answer = held.pop()
  if (answer?.since === site.clock.now()) answer.release()
  else answer?.lose()
}

/** Closes a tab or kills a process, at whatever it is doing. */
async function restart({ random, clients, device }: Storm): Promise<void> {
  const index = Math.floor(random.next() * clients.length)
  await clients[index]!.end()
  clients[index] = await device.start()
  // So that no tab waits for a lock that the closed one held.
  for (const client of clients) await client.shift(LOCK_LOST)
}

function claims({ site, user, random }: Storm): Promise<unknown> {
  return site.sessions.setClaims({ userId: user }, { role: random.pick(['user', 'admin']) })
}

function clock({ random, clients }: Storm): Promise<void> {
  return random.pick(clients).shift(random.pick([3600, -3600]))
}

/** Removes all handlers, and waits until no request is under way. */
async function settle(run: Storm): Promise<void> {
  run.site.network.calmDown()
  while (run.held.length > 0) release(run)
  await Promise.all(run.asked.splice(0))
  await run.site.network.idle()
}
