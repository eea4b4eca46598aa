import { setTimeout as sleep } from 'node:timers/promises'
import type { Member } from './process.ts'

const CHECK_INTERVAL = 10

/** Waits until `condition` holds. @returns the milliseconds that took @throws after `ms` */
export async function until(
  what: string,
  ms: number,
  condition: () => boolean | Promise<boolean>,
): Promise<number> {
  const startedAt = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAt > ms) throw new Error(`not within ${ms} ms: ${what}`)
    await sleep(CHECK_INTERVAL)
  }
  return performance.now() - startedAt
}

export async function untilListening(members: readonly Member[]): Promise<void> {
  await until('LISTEN works in every process', 20_000, async () => {
    const stats = await Promise.all(members.map((member) => member.do.stats()))
    return stats.every(({ feed }) => feed.listening)
  })
}
