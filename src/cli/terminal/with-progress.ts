import type { Context } from '../command.ts'
import { Interrupted } from './errors.ts'
import { createProgress } from './progress.ts'
import { count } from './text.ts'

/**
 * Runs work in batches with its progress on stderr, and says how far it came when it does not come to its end.
 *
 * @param label what is done: `ended`
 * @param total where it is known
 */
export async function longWork<T>(
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
    const sofar = `${label} ${count(progress.done)} until then; what is done stays done, and running it again goes on`
    if (interrupted.aborted) throw new Interrupted(sofar)
    if (progress.done > 0) out.note(`pawl: ${sofar}`)
    throw error
  } finally {
    progress.end()
  }
}
