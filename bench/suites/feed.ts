import { measureLatency } from '../../test/fleet/latency.ts'
import { createFleet } from '../../test/fleet/process.ts'
import { untilListening } from '../../test/fleet/until.ts'
import type { Figure } from '../harness/report.ts'
import { quantile } from '../harness/rounds.ts'
import type { Settings } from '../harness/suite.ts'

const PROCESSES = 4
/** It protects nothing outside of a benchmark. */
const SECRET = 'ppVRCPbBnVl2hYbPDPLsH3uPZxJEz3cGKVxQn4pH5mo'

/** How long after `revoke` was called in one process all others refuse the access token, session by session. */
export async function feed({ quick, database, progress }: Settings): Promise<Figure[]> {
  const figures: Figure[] = []
  const ways = [
    { id: 'listen', what: 'with LISTEN', listen: true, pollInterval: 5, sessions: quick ? 20 : 500 },
    // With a poll each second a few are enough to see its shape.
    { id: 'poll', what: 'polling every second', listen: false, pollInterval: 1, sessions: quick ? 20 : 100 },
  ]
  for (const { id, what, listen, pollInterval, sessions } of ways) {
    progress(what)
    const fleet = createFleet()
    try {
      const orders = {
        url: database,
        secret: SECRET,
        listen,
        schema: `feed_${id}`,
        options: { pollInterval },
      }
      const members = await fleet.startMany(PROCESSES, orders)
      if (listen) await untilListening(members)
      const course = { sessions, pause: 40, within: 30_000 }
      const { fromCall } = await measureLatency(members, members, course)
      for (const [name, share] of [
        ['p50', 0.5],
        ['p99', 0.99],
      ] as const) {
        figures.push({
          id: `feed.${id}.${name}`,
          what: `from revoke in one process to the refusal in ${PROCESSES - 1} others, ${what}: ${name} of ${fromCall.length}`,
          value: quantile(fromCall, share),
          unit: 'ms',
        })
      }
    } finally {
      await fleet.stop()
    }
  }
  return figures
}
