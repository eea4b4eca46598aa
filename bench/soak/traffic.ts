import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../harness/figures.ts'
import { createBrowser } from './browser.ts'
import { EVENTS, type Event, intruder, member, type Scenario, type Site, visitor } from './scenarios.ts'

/** Counts and latencies in milliseconds. */
export interface TrafficSample extends Readonly<Record<Event, number>> {
  readonly requests: number
  readonly p50: number
  readonly p99: number
}

export interface Traffic {
  /** Measures since `reset`, and resets. @throws if any response was wrong */
  take(): TrafficSample
  reset(): void
  stop(): void
}

/** The scenario of every tenth client, beginning with the first and with the second. */
const WITHOUT_SESSION: readonly Scenario[] = [visitor, intruder]

/** @param ramp seconds within which the clients start, so that their access tokens expire at different times */
export function startTraffic(ports: readonly number[], clients: number, ramp: number): Traffic {
  const failures: string[] = []
  let latencies: number[] = []
  let events = new Map<Event, number>()
  let stopped = false

  const site: Site = { ports, count: (event) => void events.set(event, (events.get(event) ?? 0) + 1) }
  async function live(user: string, scenario: Scenario): Promise<void> {
    await sleep(Math.random() * ramp * 1000)
    while (!stopped) {
      const browser = createBrowser(ports, user, (milliseconds) => void latencies.push(milliseconds))
      try {
        await scenario(browser, user, site)
      } catch (error) {
        failures.push(`${user}: ${(error as Error).message}`)
        await sleep(1000)
      }
    }
  }
  for (let index = 0; index < clients; index++)
    void live(`user-${index}`, WITHOUT_SESSION[index % 10] ?? member)

  function reset(): void {
    latencies = []
    events = new Map()
  }
  return {
    take() {
      if (failures.length > 0) throw new Error(`Requests failed:\n${failures.slice(0, 20).join('\n')}`)
      const counts = Object.keys(EVENTS).map((name) => [name, events.get(name as Event) ?? 0])
      const sample = {
        ...(Object.fromEntries(counts) as Record<Event, number>),
        requests: latencies.length,
        p50: latencies.length === 0 ? 0 : quantile(latencies, 0.5),
        p99: latencies.length === 0 ? 0 : quantile(latencies, 0.99),
      }
      reset()
      return sample
    },
    reset,
    stop: () => {
      stopped = true
    },
  }
}
