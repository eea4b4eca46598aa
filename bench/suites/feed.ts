import { measureLatency } from '../../test/fleet/latency.ts'
import { createFleet } from '../../test/fleet/process.ts'
import { untilListening } from '../../test/fleet/until.ts'
import { type Figure, figure, quantile } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'

const PROCESSES = 4
const SECRET = 'ppVRCPbBnVl2hYbPDPLsH3uPZxJEz3cGKVxQn4pH5mo'

/** The delay from `revoke` in one process until the other processes refuse the access token. */
export async function feed({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { id, what, listen, pollInterval, sessions, p50 } of [
    { id: 'listen', what: 'with LISTEN', listen: true, pollInterval: 5, sessions: 500, p50: 100 },
    { id: 'poll', what: 'polling every second', listen: false, pollInterval: 1, sessions: 100, p50: 1000 },
  ]) {
    progress(what)
    const fleet = createFleet()
    try {
      const schema = `feed_${id}`
      const orders = {
        url: database,
        secret: SECRET,
        listen,
        schema,
        options: { revocation: { pollInterval } },
      }
      const members = await fleet.startMany(PROCESSES, orders)
      if (listen) await untilListening(members)
      const course = { sessions: quick ? 20 : sessions, pause: 40, timeout: 30_000 }
      const { fromCall } = await measureLatency(members, members, course)
      const description = `from revoke in one process to the refusal in ${PROCESSES - 1} others, ${what}`
      for (const percent of [50, 99]) {
        const name = `p${percent}`
        const value = quantile(fromCall, percent / 100)
        figures.push(
          figure(`feed.${id}.${name}`, `${description}: ${name} of ${fromCall.length}`, value, 'ms', {
            atMost: percent === 50 ? p50 : undefined,
          }),
        )
      }
    } finally {
      await fleet.stop()
    }
  }
  return figures
}
