import type { Store } from '../core/store.ts'
import { endingValues } from './parameters.ts'
import { type Run, runTrackingRetries } from './run.ts'
import { dayOf, timestamp } from './times.ts'

/**
 * Work on many rows, a limited number at a time.
 * @param audit says for how many milliseconds the audit keeps its rows; `null`: this process deletes none
 */
export function createBulkStatements(
  run: Run,
  audit: { readonly retention: number | null },
): Pick<Store, 'endBatch' | 'endAgain' | 'prune'> {
  return {
    async endBatch(ending, { created, seen }, after, limit) {
      const ids = (await run('idsAfter', [after, limit])).map(({ id }) => id as string)
      if (ids.length === 0) return { ended: [], last: null }
      const values = [ids, ...endingValues(ending), timestamp(created), timestamp(seen)]
      const { rows, retried } = await runTrackingRetries(run, 'endMany', values)
      // Time and reason identify the sessions that an earlier attempt of this call ended.
      const ended = retried ? await run('endedOf', [ids, timestamp(ending.at), ending.reason]) : rows
      return {
        ended: ended.map((row) => ({ id: row['id'] as string, userId: row['user_id'] as string })),
        last: ids.length < limit ? null : ids.at(-1)!,
      }
    },
    async endAgain(ids, ending) {
      const ended = await run('endListed', [ids, ...endingValues(ending)])
      return ended.map(({ id }) => id as string)
    },
    async prune(now, limit) {
      const today = dayOf(now)
      const due = await run('pruneable', [today, limit])
      // The statement repeats the condition, because a session may have turned since the read.
      const deleted = due.length === 0 ? [] : await run('prune', [due.map(({ id }) => id as string), today])
      const { retention } = audit
      const old = retention === null ? [] : await run('pruneAudit', [timestamp(now - retention), limit])
      return { due: Math.max(due.length, old.length), deleted: deleted.length }
    },
  }
}
