import { count } from '../../portable/format.ts'
import type { Context } from '../command.ts'
import { Interrupted } from './errors.ts'
import { createProgress } from './progress.ts'

/**
 * Runs work in batches and shows its progress. If it fails or is interrupted, reports how many rows are done.
 *
 * @param label a past participle: `revoked`
 * @param total `null` if it is unknown
 */
export async function withProgress<T>(
  { out, interrupted }: Context,
  label: string,
  total: number | null,
  work: (onProgress: (done: number) => void) => Promise<T>,
): Promise<T> {
  const progress = createProgress(label, out.json, total)
  try {
    return await work(progress.update)
  } catch (error) {
    progress.end()
    const soFar = `${label} ${count(progress.done)} so far. Run the command again to continue.`
    if (interrupted.aborted) throw new Interrupted(soFar)
    if (progress.done > 0) out.note(`pawl: ${soFar}`)
    throw error
  } finally {
    progress.end()
  }
}
