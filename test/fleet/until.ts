import { setTimeout as sleep } from 'node:timers/promises'
import type { Member } from './process.ts'

const LOOK_EVERY = 10

/** Waits until `condition` holds. @returns how long that took, in ms @throws after `ms` */
export async function until(
  what: string,
  ms: number,
  condition: () => boolean | Promise<boolean>,
): Promise<number> {
  const startedAt = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAt > ms) throw new Error(`waited ${ms} ms in vain: ${what}`)
    await sleep(LOOK_EVERY)
  }
  return performance.now() - startedAt
}

export async function untilListening(members: readonly Member[]): Promise<void> {
  await until('every process listens', 20_000, async () => {
    const stats = await Promise.all(members.map((member) => member.do.stats()))
    return stats.every(({ feed }) => feed.listening)
  })
}
