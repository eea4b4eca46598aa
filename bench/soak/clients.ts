import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../harness/figures.ts'
import { argument } from '../harness/processes.ts'
import { createBrowser } from './browser.ts'
import { EVENTS, type Event, intruder, member, type Scenario, type Site, visitor } from './scenarios.ts'

/** The argument of the clients' process. */
export interface ClientOptions {
  readonly ports: readonly number[]
  readonly clients: number
  /** Seconds within which the clients start, so that their access tokens expire at different times. */
  readonly ramp: number
  /** Seconds after which the clients stop by themselves. */
  readonly duration: number
}

/** The traffic since the last `'reset'`; milliseconds. */
export interface Traffic extends Readonly<Record<Event, number>> {
  readonly requests: number
  readonly p50: number
  readonly p99: number
  /** All wrong responses since the start. */
  readonly failures: readonly string[]
}

/** The scenario of every tenth client, beginning with the first and with the second. */
const WITHOUT_SESSION: readonly Scenario[] = [visitor, intruder]
const MOST_FAILURES = 20

const { ports, clients, ramp, duration } = argument<ClientOptions>()
const until = performance.now() + duration * 1000
const failures: string[] = []
let traffic = noTraffic()

function noTraffic() {
  return { latencies: [] as number[], events: new Map<Event, number>() }
}

process.on('message', (message: 'reset' | 'traffic') => {
  const { latencies, events } = traffic
  // The requests between 'traffic' and 'reset' do not count, because the servers collect garbage meanwhile.
  traffic = noTraffic()
  if (message === 'reset') return
  const counts = Object.keys(EVENTS).map((name) => [name, events.get(name as Event) ?? 0])
  process.send!({
    ...(Object.fromEntries(counts) as Record<Event, number>),
    requests: latencies.length,
    p50: latencies.length === 0 ? 0 : quantile(latencies, 0.5),
    p99: latencies.length === 0 ? 0 : quantile(latencies, 0.99),
    failures,
  } satisfies Traffic)
})
// Ctrl-C signals every process. This one waits for its parent instead.
process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit())

const site: Site = {
  ports,
  count: (event) => void traffic.events.set(event, (traffic.events.get(event) ?? 0) + 1),
}
for (let index = 0; index < clients; index++)
  void live(`user-${index}`, WITHOUT_SESSION[index % 10] ?? member)

async function live(user: string, scenario: Scenario): Promise<void> {
  await sleep(Math.random() * ramp * 1000)
  while (performance.now() < until) {
    const browser = createBrowser(ports, user, (milliseconds) => void traffic.latencies.push(milliseconds))
    try {
      await scenario(browser, user, site)
    } catch (error) {
      if (failures.length < MOST_FAILURES) failures.push(`${user}: ${(error as Error).message}`)
      await sleep(1000)
    }
  }
}
