import { type Network, parseNetwork } from '../../core/client-address.ts'
import type {
  HistoryPage,
  HistoryPosition,
  HistoryQuery,
  HistoryRecord,
  ReusePage,
  StoreInspection,
} from '../../core/inspection.ts'
import type { Position } from '../../core/store.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { isSessionId } from '../../portable/session-id.ts'
import { checkUserId } from '../../portable/user-id.ts'
import type { Row } from '../driver.ts'
import type { Parameter } from '../parameters.ts'
import { timestamp } from '../times.ts'
import type { RunAudit } from './overview.ts'

const MAX_LIMIT = 1000
/** Rows that one call looks at, when most of them may be of another network: at first few, because they may be enough. */
const WALKS = [2000, 10_000]
/** More rows of a network are not sorted: rows of it are then frequent enough to find them by time. */
const MAX_SORTED = 10_000
/** More rows of a network, of any time, are not even walked to find those of the period. */
const MAX_NETWORK = 50_000
/** A `timestamptz` holds more, but JavaScript does not. */
const MAX_TIME = 8.64e15

const FIRST_PAGE = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '~'] as const

/** Searches the audit. Every call reads a bounded part of an index. */
export function createHistory(run: RunAudit): {
  history: NonNullable<StoreInspection['history']>
  reuse: StoreInspection['reuse']
} {
  async function walk(
    name: 'historyByTime' | 'historyByUser' | 'historyByAddress' | 'historyOfReuse',
    query: CheckedQuery,
    network: string | null = null,
    value: readonly Parameter[] = [],
  ): Promise<HistoryPage> {
    const limit = query.limit + 1
    let result: HistoryPage = { found: [], next: null }
    for (const walked of network === null ? [limit] : WALKS) {
      const rows = await run(name, [...periodValues(query), walked, network, limit, ...value])
      const found = rows.filter((row) => row['found'] === true).map(toRecord)
      const last = rows.find((row) => row['found'] === false)
      if (found.length > query.limit || Number(last?.['walked'] ?? 0) < walked)
        return page(found, query.limit)
      result = { found, next: positionOf(toRecord(last!)) }
    }
    return result
  }

  async function searchNetwork(query: CheckedQuery, network: string): Promise<HistoryPage> {
    const [all] = await run('countNetwork', [network, MAX_NETWORK + 1])
    if (Number(all!['rows']) > MAX_NETWORK) return walk('historyByTime', query, network)
    const values = [...periodValues(query), MAX_SORTED + 1, network, query.limit + 1]
    const rows = await run('historyInNetwork', values)
    if (Number(rows[0]?.['walked'] ?? 0) > MAX_SORTED) return walk('historyByTime', query, network)
    return page(rows.map(toRecord), query.limit)
  }

  return {
    async history(given) {
      const query = checkQuery(given)
      const { userId, network, isAddress } = query
      if (userId !== null) return walk('historyByUser', query, network, [userId])
      if (network === null) return walk('historyByTime', query)
      return isAddress ? walk('historyByAddress', query, null, [network]) : searchNetwork(query, network)
    },
    async reuse(after, limit) {
      const query = { ...checkQuery({ limit }), after: reusePosition(after) }
      const { found, next } = await walk('historyOfReuse', query)
      return {
        found: found.map(toReuse),
        searchedBackTo: next?.at ?? null,
        next: next === null ? null : { at: next.at, id: next.sessionId },
      }
    },
  }
}

interface CheckedQuery extends Required<Pick<HistoryQuery, 'limit'>> {
  readonly userId: string | null
  readonly network: string | null
  /** Whether the network is one address. */
  readonly isAddress: boolean
  readonly from: number | null
  readonly to: number | null
  readonly after: HistoryPosition | null
}

/** @throws TypeError */
function checkQuery(given: HistoryQuery): CheckedQuery {
  const names = ['userId', 'network', 'from', 'to', 'after', 'limit'] as const
  const { userId, network, from, to, after, limit } = methodOptions('history', given, ...names)
  if (!Number.isInteger(limit) || limit! < 1 || limit! > MAX_LIMIT)
    throw new TypeError(`\`limit\` takes a whole number from 1 to ${MAX_LIMIT}`)
  const parsed = network === undefined ? null : checkNetwork(network)
  return {
    userId: userId === undefined ? null : checkUserId(userId),
    network: parsed?.text ?? null,
    isAddress: parsed?.isAddress ?? false,
    from: from === undefined ? null : checkTime('from', from),
    to: to === undefined ? null : checkTime('to', to),
    after: after == null ? null : checkPosition(after),
    limit: limit!,
  }
}

/** @throws TypeError */
function checkNetwork(network: unknown): Network {
  const parsed = typeof network === 'string' ? parseNetwork(network) : null
  if (parsed === null)
    throw new TypeError('`network` takes an address, or a network such as 192.0.2.0/24 or 2001:db8::/48')
  return parsed
}

function checkTime(name: string, time: unknown): number {
  if (typeof time !== 'number' || !(Math.abs(time) <= MAX_TIME))
    throw new TypeError(`\`${name}\` takes a time in milliseconds`)
  return Math.trunc(time)
}

function checkPosition({ at, sessionId, kind }: HistoryPosition): HistoryPosition {
  if (!isSessionId(sessionId) || (kind !== 'created' && kind !== 'ended'))
    throw new TypeError('`after` takes the `next` of an earlier page')
  return { at: checkTime('after.at', at), sessionId, kind }
}

function reusePosition(after: Position | null): HistoryPosition | null {
  return after === null ? null : checkPosition({ at: after.at, sessionId: after.id, kind: 'ended' })
}

function periodValues({ from, to, after }: CheckedQuery): Parameter[] {
  const period = [from === null ? '-infinity' : boundary(from), to === null ? 'infinity' : boundary(to)]
  const cursor = after === null ? FIRST_PAGE : [boundary(after.at), after.sessionId, after.kind]
  return [...period, ...cursor]
}

/** PostgreSQL reads no year after 9999 as JavaScript writes it, nor one before 0. */
function boundary(ms: number): string {
  const year = new Date(ms).getUTCFullYear()
  if (year > 9999) return 'infinity'
  return year < 1 ? '-infinity' : timestamp(ms)
}

function page(found: readonly HistoryRecord[], limit: number): HistoryPage {
  const shown = found.slice(0, limit)
  return { found: shown, next: found.length > limit ? positionOf(shown.at(-1)!) : null }
}

function positionOf({ at, sessionId, kind }: HistoryRecord): HistoryPosition {
  return { at, sessionId, kind }
}

function toRecord(row: Row): HistoryRecord {
  const at = row['at'] as number
  const kind = row['kind'] as HistoryRecord['kind']
  const reason = row['reason'] as string | null
  const presenter = {
    ip: row['presenter_ip'] as string | null,
    userAgent: row['presenter_user_agent'] as string | null,
  }
  return {
    at,
    kind,
    sessionId: row['session_id'] as string,
    userId: row['user_id'] as string,
    ip: row['ip'] as string | null,
    userAgent: row['user_agent'] as string | null,
    actorUserId: row['actor_user_id'] as string | null,
    end:
      kind === 'created'
        ? null
        : {
            reason: reason ?? 'other',
            signedInAt: (row['signed_in_at'] as number | null) ?? at,
            lastSeenAt: (row['last_seen_at'] as number | null) ?? at,
            presenter: reason === 'reuse' ? presenter : null,
          },
  }
}

function toReuse({ at, sessionId, userId, ip, userAgent, end }: HistoryRecord): ReusePage['found'][number] {
  const { signedInAt, lastSeenAt, presenter } = end!
  return { sessionId, userId, at, signedInAt, lastSeenAt, holder: { ip, userAgent }, presenter }
}
