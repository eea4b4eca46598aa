import { fork } from 'node:child_process'
import { programOf } from './program.ts'
import type { Figure } from './report.ts'
import type { Order } from './suite-process.ts'

/**
 * Each suite in a process of its own: what one has made the compiler believe is not the next one's start.
 * @throws when it fails, or is stopped
 */
export function runSuite(order: Order, signal: AbortSignal): Promise<Figure[]> {
  const child = fork(programOf('./suite-process', import.meta.url), [JSON.stringify(order)], {
    signal,
  })
  return new Promise((resolve, reject) => {
    let figures: Figure[] | null = null
    child.once('message', (message) => {
      figures = message as Figure[]
    })
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0 && figures !== null) resolve(figures)
      else reject(new Error(`the suite '${order.suite}' failed`))
    })
  })
}
