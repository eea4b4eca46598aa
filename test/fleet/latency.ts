import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Tokens } from './commands.ts'
import { percentile } from './percentile.ts'
import type { Member } from './process.ts'
import { until } from './until.ts'

export interface Latency {
  /** Milliseconds from the call of `revoke` to the refusal, for every session and watching process. */
  readonly fromCall: readonly number[]
  /** Milliseconds from the result of `revoke` to the refusal. */
  readonly fromCommit: readonly number[]
}

export interface RevocationPlan {
  readonly sessions: number
  /** Longest pause between two revocations, in ms. */
  readonly pause: number
  /** Milliseconds within which every process must refuse a token. */
  readonly timeout: number
}

/** Revokes sessions one after another, and measures when the other processes refuse their access tokens. */
export async function measureLatency(
  members: readonly Member[],
  revokers: readonly Member[],
  { sessions, pause, timeout }: RevocationPlan,
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
    if (!ended) throw new Error('the session had ended before the revocation')
    const collect = async (): Promise<void> => {
      const watchers = members.filter((member) => member !== revoker)
      await until('every process learns of the revocation', timeout, () =>
        watchers.every(({ learned }) => learned.has(sessionId)),
      )
      for (const { learned } of watchers) {
        const { refusedAt } = learned.get(sessionId)!
        if (refusedAt === null)
          throw new Error('the process accepted an access token after its session ended')
        fromCall.push(refusedAt - calledAt)
        fromCommit.push(refusedAt - committedAt)
      }
    }
    const collecting = collect()
    // `Promise.all` below reports a failure.
    collecting.catch(() => {})
    waiting.push(collecting)
    await sleep(Math.random() * pause)
  }
  await Promise.all(waiting)
  return { fromCall, fromCommit }
}

/** Measures in the background how many milliseconds a plain notification takes on this machine. */
export async function measureNotify(url: string): Promise<{ stop(): Promise<readonly number[]> }> {
  const [listener, sender] = [new pg.Client(url), new pg.Client(url)]
  await Promise.all([listener.connect(), sender.connect()])
  await listener.query('listen plain')
  const durations: number[] = []
  listener.on('notification', ({ payload }) => durations.push(performance.now() - Number(payload)))
  let stopped = false
  const sending = (async () => {
    while (!stopped) {
      await sender.query('select pg_notify($1, $2)', ['plain', String(performance.now())])
      await sleep(20)
    }
  })()
  return {
    async stop() {
      stopped = true
      await sending
      await Promise.all([listener.end(), sender.end()])
      return durations
    },
  }
}

export function summary(values: readonly number[]): string {
  const at = (share: number): string => `${percentile(values, share).toFixed(1)} ms`
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, at most ${at(1)} of ${values.length}`
}
