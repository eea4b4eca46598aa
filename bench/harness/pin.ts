import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'

/** Keeps a process on one core, where the machine has two and knows `taskset`: servers on one, the load on another. */
export async function pin(pid: number, core: number): Promise<void> {
  if (availableParallelism() < 2 || process.platform !== 'linux') return
  await promisify(execFile)('taskset', ['-acp', String(core), String(pid)]).catch(() => {})
}
