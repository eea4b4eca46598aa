import type { Sessions } from '../../src/index.ts'

/** The calls that have a budget and published figures. */
export const CALLS = {
  create: 'create',
  'create-together': 'create 8 at once',
  verify: 'verify, the first time a token is seen',
  'verify-again': 'verify, after that',
  check: 'check',
  refresh: 'refresh',
  'refresh-together': 'refresh 8 at once',
  confirm: 'confirm a turn, one at a time',
  'confirm-together': 'confirm 100 turns at once',
  'refresh-that-turns': 'refresh that turns the row itself',
  'set-data': 'setData',
  list: "list a user's only session",
  revoke: 'revoke',
} as const

export type Call = keyof typeof CALLS

type Called = Pick<
  Sessions,
  'create' | 'verify' | 'check' | 'refresh' | 'flush' | 'setData' | 'list' | 'revoke'
>

/** The number of runs of each call. */
const TIMES = 100
const AT_ONCE = 8
/** Enough runs that some of them do not split a page of an index. */
const TIMES_AT_ONCE = 10
const QUARTER_HOUR = 15 * 60

/**
 * Makes each call of the API. The order matters, because earlier calls create the tokens of later ones.
 *
 * @param wait advances the clock by seconds
 * @param measure runs a call several times, one after another
 */
export async function callByCall(
  sessions: Called,
  claims: Record<string, string>,
  wait: (seconds: number) => void,
  measure: (call: Call, times: number, each: (index: number) => unknown) => Promise<void>,
): Promise<void> {
  const userOf = (index: number): string => `user-${String(index).padStart(8, '0')}`
  const eight = Array.from({ length: AT_ONCE }, (_, index) => index)
  const created: Awaited<ReturnType<Sessions['create']>>[] = []
  const idOf = (index: number): string => created[index]!.session.sessionId
  const children: Awaited<ReturnType<Sessions['refresh']>>[] = []
  const refreshChildren = async (): Promise<void> => {
    // A refresh shortly after a turn would not issue a new refresh token.
    wait(QUARTER_HOUR)
    for (const [index, { refreshToken }] of children.entries())
      children[index] = await sessions.refresh(refreshToken!.value)
  }

  await measure('create', TIMES, async (index) => {
    created.push(await sessions.create({ userId: userOf(index), claims }))
  })
  await measure('create-together', TIMES_AT_ONCE, (turn) => {
    const from = TIMES + turn * AT_ONCE
    return Promise.all(eight.map((index) => sessions.create({ userId: userOf(from + index), claims })))
  })
  await measure('verify', TIMES, (index) => sessions.verify(created[index]!.accessToken.value))
  await measure('verify-again', TIMES, (index) => sessions.verify(created[index]!.accessToken.value))
  await measure('check', TIMES, (index) => sessions.check(created[index]!.accessToken.value))
  wait(QUARTER_HOUR)
  await measure('refresh', TIMES, async (index) => {
    children.push(await sessions.refresh(created[index]!.refreshToken.value))
  })
  await measure('refresh-together', 1, () =>
    Promise.all(eight.map((index) => sessions.refresh(created[index]!.refreshToken.value))),
  )
  await measure('confirm', TIMES, async (index) => {
    sessions.verify(children[index]!.accessToken.value)
    await sessions.flush()
  })
  await refreshChildren()
  await measure('confirm-together', 1, async () => {
    for (const { accessToken } of children) sessions.verify(accessToken.value)
    await sessions.flush()
  })
  await refreshChildren()
  await measure('refresh-that-turns', TIMES, (index) =>
    sessions.refresh(children[index]!.refreshToken!.value),
  )
  await measure('set-data', TIMES, (index) => sessions.setData(idOf(index), { cart: [index] }))
  await measure('list', TIMES, (index) => sessions.list(userOf(index)))
  await measure('revoke', TIMES, async (index) => {
    if (!(await sessions.revoke(idOf(index)))) throw new Error('a revoke ended nothing')
  })
}
