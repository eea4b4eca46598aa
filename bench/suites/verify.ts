import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import { type Figure, figure, spread } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { type Contender, measureInRounds, ratio } from '../harness/timing.ts'
import { fastJwt, jose } from '../peers/jwt.ts'
import { original } from '../peers/original.ts'

const TOKENS = 2000
/** Too small for all tokens: each has left the cache when it is verified again. */
const TINY_CACHE = 200_000
const CLAIMS = { role: 'user' }

const LABELS = {
  'pawl-seen-before': 'Pawl, cached token',
  'fast-jwt-cached': 'fast-jwt, cached token',
  'pawl-first-sight-no-cache': 'Pawl, uncached token',
  'pawl-first-sight-into-its-cache': 'Pawl, uncached token, then cached',
  'fast-jwt-no-cache': 'fast-jwt, uncached token',
  'least-possible-work': 'the least possible work',
  jose: 'jose',
  'the-original': 'the original',
}
type Id = keyof typeof LABELS

/** Time to verify an access token, cached and uncached. */
export async function verify({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const key = randomBytes(32).toString('hex')
  const options = { store: memory(), secret: randomBytes(32), limits: { refreshesPerMinute: null } }
  const [cached, uncached, forgetful] = await Promise.all([
    createSessions<typeof CLAIMS>(options),
    createSessions<typeof CLAIMS>({ ...options, accessToken: { cacheBytes: 0 } }),
    createSessions<typeof CLAIMS>({ ...options, accessToken: { cacheBytes: TINY_CACHE } }),
  ])
  const fast = fastJwt(key)
  const verifyByJose = jose(key)
  const theOriginal = await original(database)

  const pawls = await issue((userId) => cached.create({ userId, claims: CLAIMS }))
  const originals = await issue((userId) => theOriginal.create(userId, CLAIMS, {}))
  // The same payloads, signed with the key that the peers have.
  const peers = pawls.map((token) => {
    const payload = token.toString().split('.')[1]!
    return Buffer.from(fast.sign(JSON.parse(Buffer.from(payload, 'base64url').toString())))
  })

  const contenders = [
    sync('pawl-seen-before', 100_000, pawls, (token) => cached.verify(token).userId),
    sync('fast-jwt-cached', 40_000, peers, (token) => fast.verifyCached(token).sub),
    sync('pawl-first-sight-no-cache', 20_000, pawls, (token) => uncached.verify(token).userId),
    sync('pawl-first-sight-into-its-cache', 20_000, pawls, (token) => forgetful.verify(token).userId),
    sync('fast-jwt-no-cache', 20_000, peers, (token) => fast.verify(token).sub),
    sync('least-possible-work', 20_000, peers, leastWork(key)),
    async('jose', 4000, peers, async (token) => (await verifyByJose(token)).sub),
    async('the-original', 4000, originals, async (token) =>
      String((await theOriginal.getSession(token)).session.userId),
    ),
  ]
  const timesOf = await measureInRounds(
    contenders.map((one) => (quick ? { ...one, count: Math.max(TOKENS, one.count / 10) } : one)),
    { rounds: quick ? 3 : 19, seconds: 60 },
    (done) => progress('all contenders in turn', done),
  )
  await Promise.all([cached.close(), uncached.close(), forgetful.close(), theOriginal.close()])

  const speed = (id: string, a: Id, b: Id, atLeast?: number): Figure => {
    const what = `verify, ${LABELS[a]}: times as fast as ${LABELS[b]}`
    return figure(`verify.${id}`, what, ratio(timesOf(b), timesOf(a)), '×', { atLeast })
  }
  const work = (id: string, a: Id, atMost?: number): Figure => {
    const what = `verify, ${LABELS[a]}: time against ${LABELS['least-possible-work']}`
    return figure(`verify.${id}`, what, ratio(timesOf(a), timesOf('least-possible-work')), '×', { atMost })
  }
  return [
    speed('cached-vs-fast-jwt', 'pawl-seen-before', 'fast-jwt-cached', 3),
    speed('cached-vs-original', 'pawl-seen-before', 'the-original', 15),
    work('first-vs-least', 'pawl-first-sight-no-cache', 2),
    speed('first-vs-fast-jwt', 'pawl-first-sight-no-cache', 'fast-jwt-no-cache'),
    work('first-into-cache-vs-least', 'pawl-first-sight-into-its-cache'),
    speed('first-vs-jose', 'pawl-first-sight-no-cache', 'jose'),
    ...Object.entries(LABELS).map(([id, label]) =>
      figure(`verify.ns.${id}`, `one verify: ${label}`, spread(timesOf(id)), 'ns'),
    ),
  ]
}

const userOf = (index: number): string => `user-${String(index).padStart(4, '0')}`

type Login = (userId: string) => Promise<{ readonly accessToken: { readonly value: string } }>

async function issue(login: Login): Promise<Buffer[]> {
  const tokens: Buffer[] = []
  for (let i = 0; i < TOKENS; i++) tokens.push(Buffer.from((await login(userOf(i))).accessToken.value))
  return tokens
}

function sync(
  id: Id,
  count: number,
  tokens: readonly Buffer[],
  userIdOf: (token: string) => string,
): Contender {
  return contender(id, count, tokens, (strings) => {
    const userIds: string[] = new Array(TOKENS)
    for (let i = 0; i < TOKENS; i++) userIds[i] = userIdOf(strings[i]!)
    return userIds
  })
}

function async(
  id: Id,
  count: number,
  tokens: readonly Buffer[],
  userIdOf: (token: string) => Promise<string>,
): Contender {
  return contender(id, count, tokens, async (strings) => {
    const userIds: string[] = new Array(TOKENS)
    for (let i = 0; i < TOKENS; i++) userIds[i] = await userIdOf(strings[i]!)
    return userIds
  })
}

function contender(
  id: Id,
  count: number,
  tokens: readonly Buffer[],
  verifyAll: (tokens: readonly string[]) => string[] | Promise<string[]>,
): Contender {
  return {
    id,
    count,
    async measure(n) {
      let elapsed = 0n
      for (let done = 0; done < n; done += TOKENS) {
        // New strings, as each request brings one: V8 compares a string with itself by its address alone.
        const strings = tokens.map((token) => token.toString('latin1'))
        const startedAt = process.hrtime.bigint()
        const userIds = await verifyAll(strings)
        elapsed += process.hrtime.bigint() - startedAt
        const wrong = userIds.findIndex((userId, index) => userId !== userOf(index))
        if (wrong >= 0) throw new Error(`${id}: token ${wrong} returned the user '${userIds[wrong]}'`)
      }
      return Number(elapsed) / n
    },
  }
}

/** Two base64url decodings, one HMAC-SHA-256, `timingSafeEqual` and `JSON.parse`. */
function leastWork(secret: string): (token: string) => string {
  const key = createSecretKey(Buffer.from(secret))
  return (token) => {
    const end = token.lastIndexOf('.')
    const mac = createHmac('sha256', key).update(token.slice(0, end)).digest()
    if (!timingSafeEqual(mac, Buffer.from(token.slice(end + 1), 'base64url'))) throw new Error('wrong MAC')
    return JSON.parse(Buffer.from(token.slice(token.indexOf('.') + 1, end), 'base64url').toString()).sub
  }
}
