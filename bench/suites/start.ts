import { type Figure, figure, spread } from '../harness/figures.ts'
import { answerOf, startProcess } from '../harness/processes.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { repetitions } from '../harness/timing.ts'
import { COMPARED, type Compared } from '../servers/compared.ts'
import type { Surroundings } from '../servers/contender.ts'
import { createServers } from '../servers/start.ts'
import { openSurroundings } from '../servers/surroundings.ts'
import { cookieOf, signIn } from '../servers/visitors.ts'

/** Time from the start of a process to its answer to a signed-in user. The tables exist. */
export async function start({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const { surroundings, contenders, close } = await openSurroundings(database)
  const servers = await createServers()
  const cookies = new Map<string, string>()
  for (const { id, server } of contenders) {
    const { port } = await servers.start(server, { ...surroundings, empty: true })
    cookies.set(id, id === 'bare' ? '' : cookieOf((await signIn(port, ['user-1']))[0]!))
  }
  servers.stop()
  const course = { most: quick ? 2 : 20, least: 2, seconds: 90 }
  const times = await measureStarts(contenders, surroundings, cookies, course, (done) =>
    progress('starts', done),
  )
  await close()
  return startFigures('start', times)
}

/** @returns milliseconds of each start, by the contender's id */
export async function measureStarts(
  contenders: readonly Compared[],
  surroundings: Surroundings,
  cookies: ReadonlyMap<string, string>,
  course: { most: number; least: number; seconds: number },
  progress: (done: number) => void,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(contenders.map(({ id }) => [id, []]))
  for (const round of repetitions(course, progress))
    for (const { id, server } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const child = startProcess('servers/first-answer', [server, surroundings, cookies.get(id)!])
      times.get(id)!.push(await answerOf<number>(child, server))
    }
  return times
}

export function startFigures(suite: string, times: ReadonlyMap<string, readonly number[]>): Figure[] {
  return COMPARED.flatMap(({ id, label }) => {
    const measured = times.get(id)
    if (measured === undefined) return []
    const what = `${label}: from the start of a process to its first answer`
    return [figure(`${suite}.${id}.start`, what, spread(measured), 'ms')]
  })
}
