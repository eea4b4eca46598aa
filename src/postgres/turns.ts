import type { Store, Turn } from '../core/store.ts'
import type { Row } from './connection.ts'
import { leavingOutFailed } from './each-alone.ts'
import { bytes, expectedValues, type Parameter, type Scalar } from './parameters.ts'
import type { Run } from './run.ts'
import { renewalsValue } from './session-row.ts'
import { firstDay, timestamp } from './times.ts'

/** The compare-and-sets of the rotation. */
export function createTurns(
  run: Run,
  runTurnMany: (values: Parameter[]) => Promise<Row[]>,
): Pick<Store, 'turn' | 'turnMany' | 'switchSibling' | 'confirmRenewal'> {
  const turnOne = (turn: Turn): Promise<Row[]> =>
    run('turn', [...expectedValues(turn.expected), ...nextValues(turn)])

  return {
    turn: async (turn) => (await turnOne(turn)).length > 0,
    async turnMany(turns) {
      if (turns.length === 0) return []
      const rows = await leavingOutFailed(turns, (many) => runTurnMany(turnManyValues(many)), turnOne)
      return rows.map(({ id }) => id as string)
    },
    async switchSibling(expected, next) {
      const values = [...expectedValues(expected), bytes(next.current), timestamp(next.switchedAt)]
      return (await run('switchSibling', values)).length > 0
    },
    async confirmRenewal(renewal) {
      const { next, expiresAt, pruneAt, ip, userAgent, version, renewals, remaining } = renewal
      const { anchorHash, authTime, absoluteExpiresAt, claims, reuseSince, at } = renewal
      const values = [
        ...expectedValues(renewal.expected),
        next.generation,
        bytes(next.current),
        timestamp(next.turnedAt),
        timestamp(expiresAt),
        firstDay(pruneAt),
        ip,
        userAgent,
        version,
        renewalsValue(renewals),
        bytes(anchorHash),
        timestamp(authTime),
        timestamp(absoluteExpiresAt),
        JSON.stringify(claims),
        timestamp(at),
        timestamp(reuseSince),
        renewalsValue(remaining),
      ]
      return (await run('confirmRenewal', values)).length > 0
    },
  }
}

function nextValues({ next, expiresAt, pruneAt, ip, userAgent }: Turn): Scalar[] {
  return [
    next.generation,
    bytes(next.current),
    bytes(next.previous),
    timestamp(next.turnedAt),
    timestamp(expiresAt),
    firstDay(pruneAt),
    ip,
    userAgent,
  ]
}

/** One array per column, in the order of the parameters of `turn`. */
function turnManyValues(turns: readonly Turn[]): Parameter[] {
  const rows = turns.map((turn) => [...expectedValues(turn.expected), ...nextValues(turn)])
  return rows[0]!.map((_, column) => rows.map((row) => row[column] ?? null))
}
