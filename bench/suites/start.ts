import { randomBytes } from 'node:crypto'
import { type Figure, figure, spread } from '../harness/figures.ts'
import { answerOf, startProcess } from '../harness/processes.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import type { Contender, Prepared, Started } from './start-process.ts'

const LABELS: Readonly<Record<Contender, string>> = {
  pawl: 'Pawl',
  'express-session': 'express-session and connect-pg-simple',
  'better-auth': 'better-auth',
  'supertokens-node': 'supertokens-node',
}
const CONTENDERS = Object.keys(LABELS) as Contender[]

/**
 * A new process each time, by turns: loading the library, and the answer to the first request of a signed-in user. The database
 * is up to date. Loading Node.js, `pg` and Express does not count.
 */
export async function start({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const secret = randomBytes(32).toString('base64url')
  const run = <T>(contender: Contender, cookie: string | null): Promise<T> =>
    answerOf<T>(startProcess('suites/start-process', [contender, database, secret, cookie]), contender)
  const cookies = new Map<Contender, string>()
  for (const contender of CONTENDERS) cookies.set(contender, (await run<Prepared>(contender, null)).cookie)

  const rounds = quick ? 3 : 30
  const starts = new Map<Contender, Started[]>(CONTENDERS.map((contender) => [contender, []]))
  for (let round = 0; round < rounds; round++) {
    progress('starts', round / rounds)
    for (let turn = 0; turn < CONTENDERS.length; turn++) {
      const contender = CONTENDERS[(round + turn) % CONTENDERS.length]!
      starts.get(contender)!.push(await run<Started>(contender, cookies.get(contender)!))
    }
  }

  const roundTrips = starts.get('pawl')!.map((started) => started.roundTrips!)
  return [
    ...CONTENDERS.map((contender) => {
      const loads = spread(starts.get(contender)!.map(({ load }) => load))
      const what = `loading ${LABELS[contender]}, after pg and Express`
      return figure(`start.load-${contender}`, what, loads, 'ms', contender === 'pawl' ? { atMost: 20 } : {})
    }),
    ...CONTENDERS.flatMap((contender) => {
      const answers = starts.get(contender)!.flatMap(({ answer }) => answer ?? [])
      // supertokens-node asks a server of its own, which is not here.
      if (answers.length === 0) return []
      const what = `${LABELS[contender]}: from loading it to the first answer`
      return figure(`start.answer-${contender}`, what, spread(answers), 'ms')
    }),
    figure('start.round-trips', 'round trips of `createSessions`', Math.max(...roundTrips), '', {
      atMost: 3,
    }),
  ]
}
