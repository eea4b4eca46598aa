import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Tokens } from './commands.ts'
import { percentile } from './percentile.ts'
import type { Member } from './process.ts'
import { until } from './until.ts'

export interface Latency {
  /** From the call of `revoke` to the first refusal, in ms, for every session and watching process. */
  readonly fromCall: readonly number[]
  /** From when `revoke` had been answered. */
  readonly fromCommit: readonly number[]
}

export interface Course {
  readonly sessions: number
  /** The longest pause between two revocations, in ms. */
  readonly pause: number
  /** How long the last may take to be learned, in ms. */
  readonly within: number
}

/**
 * Ends sessions one after another, each by one of `revokers`, and measures when all others begin to refuse
 * their access tokens.
 */
export async function measureLatency(
  members: readonly Member[],
  revokers: readonly Member[],
  { sessions, pause, within }: Course,
): Promise<Latency> {
  const logins: Tokens[] = []
  while (logins.length < sessions) {
    const batch = Math.min(20, sessions - logins.length)
    logins.push(...(await Promise.all(Array.from({ length: batch }, () => members[0]!.do.create('a user')))))
  }
  await Promise.all(members.map((member) => member.do.watch(logins)))
  const fromCall: number[] = []
  const fromCommit: number[] = []
  const waiting: Promise<void>[] = []
  for (const { sessionId } of logins) {
    const revoker = revokers[Math.floor(Math.random() * revokers.length)]!
    const { ended, calledAt, committedAt } = await revoker.do.revoke(sessionId)
    if (!ended) throw new Error('a session had ended before it was revoked')
    const collect = async (): Promise<void> => {
      const watchers = members.filter((member) => member !== revoker)
      await until('a revocation is learned', within, () =>
        watchers.every(({ learned }) => learned.has(sessionId)),
      )
      for (const { learned } of watchers) {
        const { refusedAt } = learned.get(sessionId)!
        if (refusedAt === null) throw new Error('an access token was accepted after its session had ended')
        fromCall.push(refusedAt - calledAt)
        fromCommit.push(refusedAt - committedAt)
      }
    }
    const collecting = collect()
    // Awaited together at the end; until then a failure is nobody's.
    collecting.catch(() => {})
    waiting.push(collecting)
    await sleep(Math.random() * pause)
  }
  await Promise.all(waiting)
  return { fromCall, fromCommit }
}

/** Measures meanwhile how long a bare notification takes on this machine, in ms. */
export async function measureNotify(url: string): Promise<{ stop(): Promise<readonly number[]> }> {
  const [listener, sender] = [new pg.Client(url), new pg.Client(url)]
  await Promise.all([listener.connect(), sender.connect()])
  await listener.query('listen bare')
  const took: number[] = []
  listener.on('notification', ({ payload }) => took.push(performance.now() - Number(payload)))
  let stopped = false
  const sending = (async () => {
    while (!stopped) {
      await sender.query('select pg_notify($1, $2)', ['bare', String(performance.now())])
      await sleep(20)
    }
  })()
  return {
    async stop() {
      stopped = true
      await sending
      await Promise.all([listener.end(), sender.end()])
      return took
    },
  }
}

export function summary(values: readonly number[]): string {
  const at = (share: number): string => `${percentile(values, share).toFixed(1)} ms`
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, at most ${at(1)} of ${values.length}`
}
