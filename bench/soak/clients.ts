import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../harness/rounds.ts'
import { createBrowser } from './browser.ts'
import { EVENTS, type Event, intruder, member, type Place, visitor } from './people.ts'

/** What the process of the clients is told. */
export interface ClientsOrder {
  readonly ports: readonly number[]
  readonly users: number
  /** Seconds over which they come, so that their access tokens do not all expire together. */
  readonly ramp: number
  /** Seconds after which all stop, should nobody stop them. */
  readonly atMost: number
}

/** What happened since it was last told to count; milliseconds. */
export interface Traffic extends Readonly<Record<Event, number>> {
  readonly requests: number
  readonly p50: number
  readonly p99: number
  /** What was not answered as it has to be, since the start. */
  readonly failed: readonly string[]
}

/** By the last digit; all others have sessions. */
const STRANGERS = [visitor, intruder]

const { ports, users, ramp, atMost } = JSON.parse(process.argv[2]!) as ClientsOrder
const until = performance.now() + atMost * 1000
const failed: string[] = []
let counted = fresh()

function fresh() {
  return { took: [] as number[], events: new Map<Event, number>() }
}

process.on('message', (message: 'count' | 'traffic') => {
  if (message === 'count') {
    counted = fresh()
    return
  }
  const { took, events } = counted
  // What is under way while the servers are being looked at is not counted.
  counted = fresh()
  const happened = Object.fromEntries(EVENTS.map((name) => [name, events.get(name) ?? 0]))
  process.send!({
    ...(happened as Record<Event, number>),
    requests: took.length,
    p50: took.length === 0 ? 0 : quantile(took, 0.5),
    p99: took.length === 0 ? 0 : quantile(took, 0.99),
    failed,
  } satisfies Traffic)
})
// Ctrl-C reaches all processes at once, and this one is told to leave in order.
process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit())

const place: Place = {
  ports,
  count: (event) => void counted.events.set(event, (counted.events.get(event) ?? 0) + 1),
}
for (let index = 0; index < users; index++) void live(`user-${index}`, STRANGERS[index % 10] ?? member)

async function live(user: string, visit: typeof member): Promise<void> {
  const browser = createBrowser(ports, user, () => {
    const { took } = counted
    const startedAt = performance.now()
    return () => void took.push(performance.now() - startedAt)
  })
  await sleep(Math.random() * ramp * 1000)
  while (performance.now() < until) {
    try {
      await visit(browser, user, place)
    } catch (error) {
      if (failed.length < 20) failed.push(`${user}: ${(error as Error).message}`)
      await sleep(1000)
    }
    browser.clear()
  }
}
