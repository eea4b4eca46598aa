import { type Arbitrary, constantFrom } from 'fast-check'
import type { SessionRow } from '../../../src/core/store.ts'
import type { Settings } from './world.ts'

const SECOND = 1000
const TOLERANCE = 5 * SECOND

/** Milliseconds since the epoch at which something about a session changes. */
export const boundaries: Readonly<Record<string, (row: SessionRow, settings: Settings) => number | null>> = {
  'the end of the calm': (row, { overlap }) => row.turnedAt + 2 * overlap * SECOND + TOLERANCE,
  'the end of the late window': (row) => row.turnedAt + 120 * SECOND + TOLERANCE,
  'the settle time of a renewal': ({ renewals }, { overlap }) =>
    renewals[0] === undefined ? null : renewals[0].at + 2 * overlap * SECOND + TOLERANCE,
  'the next sibling switch': ({ switchedAt }, { overlap }) =>
    switchedAt === null ? null : switchedAt + overlap * SECOND,
  'the idle expiry': (row) => row.expiresAt,
  'the absolute expiry': (row) => row.absoluteExpiresAt,
  'the day to prune': (row) => row.pruneAt,
}

export const advances: Arbitrary<{ what: string; milliseconds: number }> = constantFrom(
  { what: '1 ms', milliseconds: 1 },
  { what: '5 s', milliseconds: 5 * SECOND },
  { what: 'a second', milliseconds: SECOND },
  { what: 'half the overlap and a bit', milliseconds: 15_001 },
  { what: '65 s', milliseconds: 65_001 },
  { what: '130 s', milliseconds: 130_000 },
  { what: '15 min', milliseconds: 900_000 },
  { what: 'an hour', milliseconds: 3_600_000 },
  { what: 'half a day', milliseconds: 43_200_000 },
)
