import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { sharedClock, type Tokens } from '../fleet/commands.ts'
import { GONE, type Member } from '../fleet/process.ts'
import type { Finding, Revocation } from './judge.ts'
import type { Timeline } from './timeline.ts'

/** The share of refreshes whose answer is lost on the way: the user goes on with the tokens it has. */
const LOST_ANSWERS = 0.03
/** No call of Pawl takes this long, in ms. */
const CALL_TIMEOUT = 60_000
const PAUSE = { min: 200, max: 1000 }
const RETRY_PAUSE = { min: 300, max: 700 }

/** The user ids of all runs begin like this. */
export const USER_PREFIX = 'load-'

/** Errors that sign a user out. */
const ENDED = new Set<string | undefined>([
  'ERR_SESSION_ENDED',
  'ERR_REFRESH_TOKEN_REUSED',
  'ERR_REFRESH_TOKEN_INVALID',
])
/** Errors of an access token that a client answers with a refresh. */
const REFRESH = new Set<string | undefined>(['ERR_ACCESS_TOKEN_EXPIRED', 'ERR_ACCESS_TOKEN_INVALID'])

/** What the users of a run have seen. */
export interface Seen {
  readonly findings: Finding[]
  readonly revoked: Revocation[]
  /** Milliseconds between the answer to a revocation and its refusal by another process. */
  revocationTimes(): number[]
  /** How often a process that watched has not refused the token of a revoked session. */
  unseenRevocations(): number
  logins: number
}

export interface Users {
  readonly seen: Seen
  /** Users act until the signal. */
  act(stopped: AbortSignal): Promise<void>
  /**
   * Every user refreshes once more, within `patience` ms. After Ctrl-C each tries once, and no answer is no loss.
   */
  comeBack(patience: number, stopped: AbortSignal): Promise<void>
}

export interface UsersOptions {
  readonly count: number
  readonly pace: number
  readonly members: readonly Member[]
  readonly timeline: Timeline
  /** The start of the load by `sharedClock`. */
  readonly startedAt: number
}

interface Failure {
  readonly name: string
  readonly code?: string
  readonly reason?: string
  readonly message: string
}

type Answer<T> = { readonly value: T } | { readonly failure: Failure }

interface Login {
  readonly userId: string
  readonly sessionId: string
  readonly at: number
  tokens: Tokens
}

/** Honest users, each with one session at a time and one call at a time. Each call goes to any process. */
export function createUsers({ count, pace, members, timeline, startedAt }: UsersOptions): Users {
  const logins: (Login | null)[] = Array.from({ length: count }, () => null)
  /** Tells this run from earlier ones in the same schema. */
  const prefix = `${USER_PREFIX}${randomBytes(4).toString('hex')}-`
  const watched: { readonly sessionId: string; readonly member: Member; readonly revokedAt: number }[] = []
  const seen: Seen = {
    findings: [],
    revoked: [],
    logins: 0,
    revocationTimes: () =>
      watched.flatMap(({ sessionId, member, revokedAt }) => {
        const refusedAt = member.learned.get(sessionId)?.refusedAt
        return refusedAt == null ? [] : [Math.max(0, refusedAt - revokedAt)]
      }),
    unseenRevocations: () => watched.filter(({ sessionId, member }) => !member.learned.has(sessionId)).length,
  }

  const now = (): number => sharedClock() - startedAt

  function anyMember(): Member {
    const alive = members.filter((member) => member.alive)
    const from = alive.length > 0 ? alive : members
    return from[Math.floor(Math.random() * from.length)]!
  }

  async function call<T>(operation: string, work: (member: Member) => Promise<T>): Promise<Answer<T>> {
    const from = now()
    // Verification does no I/O, so it says nothing about the database.
    const measured = operation !== 'verify'
    try {
      const value = await withTimeout(work(anyMember()))
      if (measured) timeline.add(operation, { from, to: now() }, null)
      return { value }
    } catch (error) {
      const failure = error as Failure
      if (measured && !ENDED.has(failure.code) && !REFRESH.has(failure.code))
        timeline.add(operation, { from, to: now() }, kindOf(operation, failure))
      return { failure }
    }
  }

  function find({ sessionId, at }: Login, operation: string, reason: string, ended: boolean): void {
    seen.findings.push({ sessionId, loggedInAt: at, at: now(), operation, reason, ended })
  }

  /** @returns whether the failure signed the user out */
  function signedOut(login: Login, operation: string, { code, reason }: Failure): boolean {
    if (!ENDED.has(code)) return false
    find(login, operation, reason ?? String(code), true)
    return true
  }

  async function logIn(userId: string, stopped: AbortSignal): Promise<Login | null> {
    while (!stopped.aborted) {
      const answer = await call('login', (member) => member.do.create(userId))
      if ('value' in answer) {
        seen.logins++
        return { userId, sessionId: answer.value.sessionId, at: now(), tokens: answer.value }
      }
      await pause(RETRY_PAUSE)
    }
    return null
  }

  /** @returns `ended` if the user is signed out, `failed` if there was no answer */
  async function refresh(login: Login, operation = 'refresh'): Promise<'refreshed' | 'failed' | 'ended'> {
    const answer = await call('refresh', (member) => member.do.refresh(login.tokens.refreshToken))
    if ('failure' in answer) return signedOut(login, operation, answer.failure) ? 'ended' : 'failed'
    if (Math.random() >= LOST_ANSWERS) login.tokens = answer.value
    return 'refreshed'
  }

  async function list(login: Login): Promise<void> {
    const answer = await call('list', (member) => member.do.list(login.userId))
    if ('value' in answer && !answer.value.includes(login.sessionId)) find(login, 'list', 'unknown', false)
  }

  async function check(login: Login): Promise<boolean> {
    const answer = await call('check', (member) => member.do.check(login.tokens.accessToken))
    return 'failure' in answer && signedOut(login, 'check', answer.failure)
  }

  /** Asks until there is an answer: after a failure, the session may have ended or not. */
  async function logOut(login: Login, stopped: AbortSignal): Promise<void> {
    const watching = await watch(login)
    let failed = false
    let ending: Member | null = null
    while (!stopped.aborted) {
      const answer = await call('logout', (member) => {
        ending = member
        return member.do.revoke(login.sessionId)
      })
      if ('value' in answer) {
        const { ended, committedAt } = answer.value
        if (ended || failed) seen.revoked.push({ sessionId: login.sessionId, at: now() })
        // The session had ended before. The answer to a refresh says why.
        else await refresh(login, 'logout')
        if (ended && !failed)
          for (const member of watching)
            if (member !== ending)
              watched.push({ sessionId: login.sessionId, member, revokedAt: committedAt })
        return
      }
      failed = true
      await pause(RETRY_PAUSE)
    }
  }

  async function watch({ tokens }: Login): Promise<Member[]> {
    const watching = await Promise.all(
      members.map((member) =>
        withTimeout(member.do.watch([tokens])).then(
          () => member,
          () => null,
        ),
      ),
    )
    return watching.filter((member) => member !== null)
  }

  /** @returns whether the user has to sign in, having logged out or lost the session */
  async function actOnce(login: Login, stopped: AbortSignal): Promise<boolean> {
    const verified = await call('verify', (member) => member.do.verify(login.tokens.accessToken))
    if ('failure' in verified) {
      if (signedOut(login, 'verify', verified.failure)) return true
      return (await refresh(login)) === 'ended'
    }
    const dice = Math.random()
    if (dice < 0.5) return (await refresh(login)) === 'ended'
    if (dice < 0.55) await list(login)
    else if (dice < 0.57) return check(login)
    else if (dice < 0.6) {
      await logOut(login, stopped)
      return true
    }
    return false
  }

  async function user(index: number, stopped: AbortSignal): Promise<void> {
    const userId = `${prefix}${index}`
    while (!stopped.aborted) {
      const login = logins[index] ?? (await logIn(userId, stopped))
      logins[index] = login
      await pause({ min: PAUSE.min / pace, max: PAUSE.max / pace }, stopped)
      if (login !== null && !stopped.aborted && (await actOnce(login, stopped))) logins[index] = null
    }
  }

  return {
    seen,
    async act(stopped) {
      await Promise.all(logins.map((_, index) => user(index, stopped)))
    },
    async comeBack(patience, stopped) {
      const until = now() + patience
      await Promise.all(
        logins.map(async (login) => {
          if (login === null) return
          while ((await refresh(login, 'last refresh')) === 'failed') {
            if (stopped.aborted) return
            if (now() > until) return find(login, 'last refresh', 'no answer', false)
            await pause(RETRY_PAUSE, stopped)
          }
        }),
      )
    },
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error(`no answer within ${CALL_TIMEOUT} ms`), { code: 'NO_ANSWER' })),
      CALL_TIMEOUT,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** @returns early when the signal is aborted */
async function pause({ min, max }: { min: number; max: number }, signal?: AbortSignal): Promise<void> {
  await sleep(min + Math.random() * (max - min), undefined, { ...(signal && { signal }) }).catch(() => {})
}

function kindOf(operation: string, { code, name, message }: Failure): string {
  if (code === GONE) return `${operation}: the process has exited`
  // The further sentences are remedies.
  const [sentence = ''] = message.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…').split('. ')
  return `${operation} ${code ?? name}: ${sentence.slice(0, 200)}`
}
