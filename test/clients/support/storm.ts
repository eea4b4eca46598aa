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

/** For 60 runs on a busy machine, in ms. */
export const STORM_TIMEOUT = 300_000

interface Storm {
  readonly random: Random
  readonly kind: Kind
  readonly site: ClientSite
  readonly device: Device
  readonly clients: Client[]
  readonly user: string
  /** How much the clock of the device is ahead. */
  readonly skew: { seconds: number }
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
  const skew = { seconds: 0 }
  while (clients.length < CLIENTS) clients.push(await start(device, clients.length, random))
  for (let run = 0; run < runs; run++) {
    const log: string[] = []
    const user = `user-${run}`
    try {
      await oneRun({
        random: random.fork(),
        kind,
        site,
        device,
        clients,
        user,
        skew,
        asked: [],
        held: [],
        log,
      })
    } catch (error) {
      throw new Error(`run ${run} of seed ${seed}: ${log.join(', ')}`, { cause: error })
    }
  }
}

/** One tab is without the lock, as a page of another subdomain: it refreshes at the same time as the others. */
function start(device: Device, index: number, random: Random): Promise<Client> {
  return device.start({ lock: index > 0, storageDelay: () => random.between(0, 3) })
}

async function oneRun(run: Storm): Promise<void> {
  const { random, site, clients, user, log } = run
  expect((await random.pick(clients).login(user)).status).toBe(200)
  for (const client of clients) await client.events()
  site.network.always(REFRESH, late(run, 15, 15))
  const steps = 6 + Math.floor(random.next() * 7)
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
  ['all ask', askAll],
  ...Array.from({ length: 8 }, (): Action => ['all refresh', allRefresh]),
  ['exists', exists],
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

/** Every client finds its access token expired at the same time. */
async function allRefresh(run: Storm): Promise<void> {
  await expire(run)
  askAll(run)
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
async function expire({ site, clients }: Storm): Promise<void> {
  // A page that stands still has to answer first: it may not have handled its last response yet.
  for (const client of clients) await client.shift(0)
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
  return async (pass) => {
    await pause(random.between(0, before))
    const answer = await pass()
    await pause(random.between(0, after))
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
async function restart(run: Storm): Promise<void> {
  const { random, clients, device, skew } = run
  const index = Math.floor(random.next() * clients.length)
  await clients[index]!.end()
  clients[index] = await start(device, index, random)
  await clients[index].shift(skew.seconds)
  // So that no tab waits for a lock that the closed one held.
  await shiftAll(run, LOCK_LOST)
}

function claims({ site, user, random }: Storm): Promise<unknown> {
  return site.sessions.setClaims({ userId: user }, { role: random.pick(['user', 'admin']) })
}

/** The lock of a tab that was closed before its clock went back would last for that long: so no request is under way. */
async function clock(run: Storm): Promise<void> {
  await settle(run)
  await shiftAll(run, run.random.pick([3600, -3600]))
}

/** All tabs and processes of a device have its clock. */
async function shiftAll({ clients, skew }: Storm, seconds: number): Promise<void> {
  skew.seconds += seconds
  for (const client of clients) await client.shift(seconds)
}

/** Removes all handlers, and waits until no request is under way. */
async function settle(run: Storm): Promise<void> {
  run.site.network.calmDown()
  while (run.held.length > 0) release(run)
  await Promise.all(run.asked.splice(0))
  await run.site.network.idle()
}
