import { MAX_OVERVIEW_DAYS, type StoreInspection } from '../../core/inspection.ts'
import type { StoreStatus } from '../../core/store-status.ts'
import type { Connection } from '../connection.ts'
import { readDistribution } from '../distribution.ts'
import type { Names } from '../names.ts'
import { findUsers, type QueryRows, readUserOrder } from './find-users.ts'
import { readOverview } from './overview.ts'
import { findReuse } from './reuse.ts'
import type { UserOrder } from './user-order.ts'

/** Milliseconds for each statement. The page of a console does not wait longer. */
const ANSWER_WITHIN = 2000
/** Entries of the index of ends that one search of reuse walks. Each reads a row somewhere in the table. */
const REUSE_WALK = 20_000

/** What the store tells people, by statements that are bounded on a table of any size. */
export function createInspection(
  connection: Connection,
  names: Names,
  readStatus: () => Promise<StoreStatus>,
): StoreInspection {
  const query: QueryRows = (text, values) => connection.queryOnce(ANSWER_WITHIN, names.fill(text), values)
  let order: Promise<UserOrder> | null = null

  return {
    async overview(at, days) {
      const { sessions } = await readDistribution({ query }, names)
      return readOverview(query, names, sessions === 'distributed', at, Math.min(days, MAX_OVERVIEW_DAYS))
    },
    async findUsers(prefix, after, limit) {
      order ??= readUserOrder(query, names)
      return findUsers(query, await order, prefix, after, limit)
    },
    reuse: (after, limit) => findReuse(query, after, limit, REUSE_WALK),
    status: readStatus,
  }
}
