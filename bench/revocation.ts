import pg from 'pg'
import { measureLatency } from '../test/fleet/latency.ts'
import { percentile } from '../test/fleet/percentile.ts'
import { createFleet } from '../test/fleet/process.ts'
import { untilListening } from '../test/fleet/until.ts'

/** In milliseconds. */
export interface Spread {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface RevocationFigures {
  readonly revocations: number
  /** One for each other process. */
  readonly measurements: number
  /** Seconds. */
  readonly pollInterval: number
  /** From the call of `revoke` until another process refuses the access token. */
  readonly callToRefused: Spread
  /** From the answer of `revoke`, when the end is committed. */
  readonly commitToRefused: Spread
}

interface Course {
  readonly processes: number
  readonly listen: boolean
  readonly sessions: number
}

/** It protects nothing outside of a benchmark. */
const SECRET = 'ppVRCPbBnVl2hYbPDPLsH3uPZxJEz3cGKVxQn4pH5mo'
const SCHEMA = `pawl_bench_${process.pid}`
const LISTENING_POLL = 5
const POLL = 1
/** The longest pause between two revocations, in ms. */
const PAUSE = 40

export async function measureRevocation(
  url: string,
  { processes, listen, sessions }: Course,
): Promise<RevocationFigures> {
  const pollInterval = listen ? LISTENING_POLL : POLL
  const fleet = createFleet()
  try {
    const members = await fleet.startMany(processes, {
      url,
      secret: SECRET,
      listen,
      schema: SCHEMA,
      options: { pollInterval },
    })
    if (listen) await untilListening(members)
    const course = { sessions, pause: PAUSE, within: 30_000 }
    const { fromCall, fromCommit } = await measureLatency(members, members, course)
    return {
      revocations: sessions,
      measurements: fromCall.length,
      pollInterval,
      callToRefused: spread(fromCall),
      commitToRefused: spread(fromCommit),
    }
  } finally {
    await fleet.stop()
    await dropSchema(url)
  }
}

async function dropSchema(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`drop schema if exists ${SCHEMA} cascade`)
  } finally {
    await client.end()
  }
}

function spread(values: readonly number[]): Spread {
  const at = (share: number): number => Number(percentile(values, share).toFixed(2))
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
