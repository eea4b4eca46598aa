import fc, { type Arbitrary } from 'fast-check'
import type { CreateSession, EndReason, IssuedToken, RefreshedSession } from '../../../src/index.ts'
import { ask, type Command, command, type Step } from './step.ts'
import { advances, boundaries } from './time.ts'
import { mapPair, type Pair, type Process, type TokenPair, type World } from './world.ts'

const USERS = ['anna', 'bert', 'ć „🙂" \\u0000'] as const

const user = fc.constantFrom(...USERS)
const by: Arbitrary<Process> = fc.constantFrom(0, 0, 0, 1)
/** Counted from the newest, so that a shrunk trace speaks of what just happened. */
const back = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(11) })
const json = fc.jsonValue({ maxDepth: 2 })
const name = fc.oneof(fc.constantFrom('a', 'b'), fc.string({ unit: 'binary', maxLength: 8 }))
const object = fc.dictionary(name, json, { maxKeys: 3 })
const claims = fc.oneof(fc.constant({}), fc.constant({ role: 'admin' }), object)
const ip = fc.oneof(
  fc.constant(undefined),
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom('::ffff:10.0.0.1', 'fe80::1%eth0', 'no'),
)
const userAgent = fc.oneof(fc.constant(undefined), fc.string({ unit: 'binary', maxLength: 300 }))
const origin = fc.record({ ip, userAgent })
const ifVersion = fc.constantFrom('any', 'any', 'right', 'wrong')

const at = <T>(items: readonly T[], back: number): T | undefined =>
  items.length === 0 ? undefined : items[items.length - 1 - (back % items.length)]
const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing'

const step = (
  what: string,
  by: Process,
  run: (world: World, by: Process) => Promise<unknown> | unknown,
): Command => {
  const made: Step = {
    what,
    by,
    async run(world) {
      await run(world, by)
    },
  }
  return command(made)
}

const UNKNOWN_ID = '00000000-0000-7000-8000-000000000000'
const idOf = (world: World, back: number): Pair => at(world.sessions, back) ?? [UNKNOWN_ID, UNKNOWN_ID]

function keepTokens(
  world: World,
  session: number,
  answers: Pair<{ accessToken: IssuedToken; refreshToken: IssuedToken | null }>,
): void {
  world.accessTokens.push({ session, value: mapPair(answers, ({ accessToken }) => accessToken.value) })
  if (answers[0].refreshToken !== null) {
    world.refreshTokens.push({ session, value: mapPair(answers, ({ refreshToken }) => refreshToken!.value) })
  }
}

const create = fc
  .record({
    by,
    userId: user,
    claims: fc.option(claims, { nil: undefined }),
    data: fc.option(json, { nil: undefined }),
    replaces: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, back),
    persistent: fc.boolean(),
    idleTimeout: fc.constantFrom(undefined, undefined, 600, 90.5),
    absoluteTimeout: fc.constantFrom(undefined, undefined, null, 7200),
    origin,
  })
  .map(({ by, replaces, origin, ...rest }) => {
    const fields = Object.fromEntries(
      Object.entries({ ...rest, ...origin }).filter(([, value]) => value !== undefined),
    ) as unknown as CreateSession<object, unknown>
    const instead = replaces === undefined ? '' : `, replacing the session ${replaces} back`
    return step(`create(${show(fields)}${instead})`, by, async (world) => {
      // Ids begin with the time: a millisecond of its own keeps them in one order on both stores.
      world.clock.advance(0.001)
      const replaced = replaces === undefined ? undefined : at(world.sessions, replaces)
      const answers = await ask(
        world,
        by,
        (sessions, side) =>
          sessions.create({ ...fields, ...(replaced && { replaces: replaced[side] }) } as never),
        ({ session, accessToken, refreshToken }, side) => ({
          session: world.plain(side, { ...session, sessionId: 'new' }),
          access: world.readAccess(side, accessToken),
          refresh: world.readRefresh(refreshToken),
        }),
      )
      if (answers === null) return
      world.sessions.push(mapPair(answers, ({ session }) => session.sessionId))
      keepTokens(world, world.sessions.length - 1, answers)
    })
  })

const age = fc.constantFrom(0, 0, 0, 0, 900, 14_000, 15_001)

const refreshWith = (
  world: World,
  by: Process,
  token: TokenPair | undefined,
  context: { age: number; ip?: string | undefined; userAgent?: string | undefined },
): Promise<void> | undefined =>
  token &&
  ask(
    world,
    by,
    (sessions, side) =>
      sessions.refresh(token.value[side], { ...context, arrivedAt: world.clock.now() - context.age }),
    (answer: RefreshedSession<object, unknown>, side) => ({
      session: world.plain(side, answer.session),
      access: world.readAccess(side, answer.accessToken),
      refresh: answer.refreshToken && world.readRefresh(answer.refreshToken),
    }),
  ).then((answers) => {
    if (answers !== null) keepTokens(world, token.session, answers)
  })

const ago = (age: number): string => (age === 0 ? '' : `, sent ${age} ms ago`)

const refresh = fc
  .record({ by, back, age, origin })
  .map(({ by, back, age, origin }) =>
    step(`refresh(token ${back} back${ago(age)}, ${show(origin)})`, by, (world) =>
      refreshWith(world, by, at(world.refreshTokens, back), { ...origin, age }),
    ),
  )

const refreshOfSession = fc
  .record({ by, back: fc.constantFrom(0, 0, 1, 2), which: fc.constantFrom(0, 0, 0, 1, 1, 2, 5), age })
  .map(({ by, back, which, age }) =>
    step(`refresh(token ${which} back of the session ${back} back${ago(age)})`, by, (world) => {
      const session = world.sessions.indexOf(at(world.sessions, back)!)
      const own = world.refreshTokens.filter((token) => token.session === session)
      return refreshWith(world, by, at(own, which), { age })
    }),
  )

const refreshForged = fc
  .record({ by, back, kind: fc.constantFrom('another secret', 'no anchor', 'one ahead', 'far ahead') })
  .map(({ by, back, kind }) =>
    step(`refresh(token ${back} back, made with ${kind})`, by, (world) => {
      const token = at(world.refreshTokens, back)
      if (token === undefined) return
      if (kind === 'another secret') return refreshWith(world, by, world.foreign, { age: 0 })
      if (kind === 'no anchor') return refreshWith(world, by, world.mintWithoutAnchor(token), { age: 0 })
      const ahead = world.mintAhead(token, kind === 'one ahead' ? 1 : 3)
      world.refreshTokens.push(ahead)
      return refreshWith(world, by, ahead, { age: 0 })
    }),
  )

const use = fc
  .record({ by, back, origin, how: fc.constantFrom('verify' as const, 'verify' as const, 'check' as const) })
  .map(({ by, back, origin, how }) =>
    step(`${how}(access token ${back} back, ${show(origin)})`, by, async (world) => {
      const token = at(world.accessTokens, back)
      if (token === undefined) return
      const answers = await ask(
        world,
        by,
        (sessions, side) => sessions[how](token.value[side], origin),
        (answer, side) => world.plain(side, answer),
      )
      // A token of a key not yet known makes a process look in the background: wait for both.
      if (answers === null) await world.onBoth(by, ({ ring }) => ring.reload())
    }),
  )

const flush = by.map((by) =>
  step('flush()', by, (world) => ask(world, by, (sessions) => sessions.flush(), String)),
)

const poll = by.map((by) =>
  step('poll()', by, (world) =>
    world.onBoth(by, async ({ revocations, ring }) => {
      await revocations.poll('overlap')
      await ring.reload()
    }),
  ),
)

const prune = by.map((by) =>
  step('prune()', by, (world) => ask(world, by, (sessions) => sessions.prune(), String)),
)

const revoke = fc
  .record({
    by,
    back,
    reason: fc.constantFrom<(EndReason | undefined)[]>(undefined, 'logout', 'limit'),
  })
  .map(({ by, back, reason }) =>
    step(`revoke(session ${back} back, ${reason})`, by, (world) =>
      ask(world, by, (sessions, side) => sessions.revoke(idOf(world, back)[side], reason), String),
    ),
  )

const revokeUser = fc
  .record({ by, user, except: fc.option(back) })
  .map(({ by, user, except }) =>
    step(`revokeUser(${show(user)}, ${except === null ? 'all' : `but ${except} back`})`, by, (world) =>
      ask(
        world,
        by,
        (sessions, side) =>
          sessions.revokeUser(user, except === null ? {} : { except: idOf(world, except)[side] }),
        String,
      ),
    ),
  )

const writeData = fc
  .record({ by, back, ifVersion, write: fc.oneof(fc.record({ set: json }), fc.record({ patch: object })) })
  .map(({ by, back, ifVersion, write }) =>
    step(`data(session ${back} back, ${show(write)}, ${ifVersion} version)`, by, async (world) => {
      const id = idOf(world, back)
      const read = (await world.process(0, by).get(id[0]))?.dataVersion ?? 0
      const options = ifVersion === 'any' ? {} : { ifVersion: ifVersion === 'right' ? read : read + 1 }
      await ask(
        world,
        by,
        (sessions, side) =>
          'set' in write
            ? sessions.setData(id[side], write.set, options)
            : sessions.patchData(id[side], write.patch, options),
        String,
      )
    }),
  )

const setClaims = fc
  .record({ by, back, claims })
  .map(({ by, back, claims }) =>
    step(`setClaims(session ${back} back, ${show(claims)})`, by, (world) =>
      ask(world, by, (sessions, side) => sessions.setClaims(idOf(world, back)[side], claims), String),
    ),
  )

const setClaimsOfUser = fc
  .record({ by, user, claims })
  .map(({ by, user, claims }) =>
    step(`setClaims(${show(user)}, ${show(claims)})`, by, (world) =>
      ask(world, by, (sessions) => sessions.setClaims({ userId: user }, claims), String),
    ),
  )

/** Changes what `refreshClaims` returns. */
const changeRole = fc
  .record({ user, role: fc.constantFrom('user', 'editor', 'admin', null) })
  .map(({ user, role }) => step(`role of ${show(user)}: ${role}`, 0, (world) => world.roles.set(user, role)))

const reauthenticate = fc
  .record({ by, back })
  .map(({ by, back }) =>
    step(`reauthenticate(session ${back} back)`, by, (world) =>
      ask(world, by, (sessions, side) => sessions.reauthenticate(idOf(world, back)[side]), String),
    ),
  )

const renew = fc
  .record({ by, back, claims: fc.option(claims, { nil: undefined }), reauthenticated: fc.boolean() })
  .map(({ by, back, claims, reauthenticated }) => {
    const renewal = claims === undefined ? { reauthenticated } : { reauthenticated, claims }
    return step(`renew(session ${back} back, ${show(renewal)})`, by, async (world) => {
      const id = idOf(world, back)
      const answers = await ask(
        world,
        by,
        (sessions, side) => sessions.renew(id[side], renewal),
        ({ session, accessToken, refreshToken }, side) => ({
          session: world.plain(side, session),
          access: world.readAccess(side, accessToken),
          refresh: world.readRefresh(refreshToken),
        }),
      )
      if (answers !== null) keepTokens(world, world.sessions.indexOf(id), answers)
    })
  })

const get = fc.record({ by, back }).map(({ by, back }) =>
  step(`get(session ${back} back)`, by, (world) =>
    ask(
      world,
      by,
      (sessions, side) => sessions.get(idOf(world, back)[side]),
      (session, side) => session && world.plain(side, session),
    ),
  ),
)

const list = fc
  .record({ by, user, active: fc.boolean(), limit: fc.constantFrom(1, 2, 1000) })
  .map(({ by, user, active, limit }) =>
    step(`list(${show(user)}, two pages of ${limit}, active: ${active})`, by, (world) =>
      ask(
        world,
        by,
        async (sessions) => {
          const page = await sessions.list(user, { active, limit })
          return [...page, ...(await sessions.list(user, { active, limit, after: page.at(-1) }))]
        },
        (sessions, side) => sessions.map((session) => world.plain(side, session)),
      ),
    ),
  )

const wait = advances.map(({ what, milliseconds }) =>
  step(`wait ${what}`, 0, (world) => world.clock.advance(milliseconds / 1000)),
)

/** The windows of a turn far more often than what ends a session. */
const boundary = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...Object.keys(boundaries).slice(0, 4)) },
  { weight: 1, arbitrary: fc.constantFrom(...Object.keys(boundaries)) },
)

const waitUntil = fc
  .record({ back, boundary, off: fc.constantFrom(-1, 0, 1) })
  .map(({ back, boundary, off }) =>
    step(
      `wait until ${boundary} of the session ${back} back ${off < 0 ? off : `+${off}`} ms`,
      0,
      async (world) => {
        const row = at(await world.stored(0), back)
        const until = row && boundaries[boundary]!(row, world.settings)
        if (until == null) return
        world.clock.advance(Math.max(0, until + off - world.clock.now()) / 1000)
      },
    ),
  )

const often = (weight: number, arbitrary: Arbitrary<Command>): fc.WeightedArbitrary<Command> => ({
  weight,
  arbitrary,
})

/** In the proportions of a life: mostly refreshes, uses and the passing of time. */
export const anyCommand: Arbitrary<Command> = fc.oneof(
  often(5, create),
  often(14, refresh),
  often(24, refreshOfSession),
  often(3, refreshForged),
  often(16, use),
  often(8, flush),
  often(4, poll),
  often(10, wait),
  often(12, waitUntil),
  often(1, revoke),
  often(1, revokeUser),
  often(5, writeData),
  often(2, setClaims),
  often(1, setClaimsOfUser),
  often(2, changeRole),
  often(2, reauthenticate),
  often(4, renew),
  often(2, get),
  often(2, list),
  often(2, prune),
)
