import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { createSessions, type Sessions } from 'pawl'
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
const PAWL = 'pawl-seen-before'
const PAWL_UNCACHED = 'pawl-first-sight-no-cache'

/** Id of each comparison, the contender whose time is divided, the divisor, the description and the target. */
const COMPARISONS: readonly (readonly [string, string, string, string, Figure['target']?])[] = [
  [
    'cached-vs-fast-jwt',
    'fast-jwt-cached',
    PAWL,
    'verify, cached token: times as fast as fast-jwt with its cache',
    { atLeast: 2.5 },
  ],
  [
    'cached-vs-original',
    'the-original',
    PAWL,
    'verify, cached token: times as fast as getSession of the original',
    { atLeast: 15 },
  ],
  [
    'first-vs-least',
    PAWL_UNCACHED,
    'least-possible-work',
    'verify, uncached token: time relative to the least possible work',
    { atMost: 1.25 },
  ],
  [
    'first-vs-fast-jwt',
    'fast-jwt-no-cache',
    PAWL_UNCACHED,
    'verify, uncached token: times as fast as fast-jwt without its cache',
    { atLeast: 1.5 },
  ],
  [
    'first-into-cache-vs-least',
    'pawl-first-sight-into-its-cache',
    'least-possible-work',
    'verify, uncached token, and store it in the cache: time relative to the least possible work',
  ],
  ['first-vs-jose', 'jose', PAWL_UNCACHED, 'verify, uncached token: times as fast as jose'],
]

/** Time to verify an access token, cached and uncached. */
export async function verify({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const key = randomBytes(32).toString('hex')
  const options = { store: memory(), secret: randomBytes(32), refreshLimit: null }
  const [cached, uncached, forgetful] = await Promise.all([
    createSessions<typeof CLAIMS>(options),
    createSessions<typeof CLAIMS>({ ...options, tokenCacheBytes: 0 }),
    createSessions<typeof CLAIMS>({ ...options, tokenCacheBytes: TINY_CACHE }),
  ])
  const fast = fastJwt(key)
  const verifyByJose = jose(key)
  const theOriginal = await original(database)

  const tokens = await issue(cached)
  const originalTokens: Buffer[] = []
  for (let i = 0; i < TOKENS; i++)
    originalTokens.push(Buffer.from((await theOriginal.create(userOf(i), CLAIMS, {})).accessToken.value))
  // The same payloads, signed with the key that the peers have.
  const peerTokens = tokens.map((token) => {
    const payload = token.toString().split('.')[1]!
    return Buffer.from(fast.sign(JSON.parse(Buffer.from(payload, 'base64url').toString())))
  })

  const contenders: Contender[] = [
    sync(PAWL, 'Pawl, cached token', 100_000, tokens, (token) => cached.verify(token).userId),
    sync(
      'fast-jwt-cached',
      'fast-jwt, cached token',
      40_000,
      peerTokens,
      (token) => fast.verifyCached(token).sub,
    ),
    sync(PAWL_UNCACHED, 'Pawl, without its cache', 20_000, tokens, (token) => uncached.verify(token).userId),
    sync(
      'pawl-first-sight-into-its-cache',
      'Pawl, uncached token, stored in the cache',
      20_000,
      tokens,
      (token) => forgetful.verify(token).userId,
    ),
    sync(
      'fast-jwt-no-cache',
      'fast-jwt, without its cache',
      20_000,
      peerTokens,
      (token) => fast.verify(token).sub,
    ),
    sync('least-possible-work', 'least possible work', 20_000, peerTokens, leastWork(key)),
    async('jose', 'jose', 4000, peerTokens, async (token) => (await verifyByJose(token)).sub),
    async('the-original', 'the original', 4000, originalTokens, async (token) =>
      String((await theOriginal.getSession(token)).session.userId),
    ),
  ]
  const timesOf = await measureInRounds(
    contenders.map((one) => (quick ? { ...one, count: Math.max(TOKENS, one.count / 10) } : one)),
    { rounds: quick ? 3 : 19, seconds: 60 },
    (done) => progress('all contenders in turn', done),
  )
  await Promise.all([cached.close(), uncached.close(), forgetful.close(), theOriginal.close()])

  return [
    ...COMPARISONS.map(([id, a, b, what, target]) =>
      figure(`verify.${id}`, what, ratio(timesOf(a), timesOf(b)), '×', target),
    ),
    ...contenders.map(({ id, label }) =>
      figure(`verify.ns.${id}`, `one verify: ${label}`, spread(timesOf(id)), 'ns'),
    ),
  ]
}

const userOf = (index: number): string => `user-${String(index % TOKENS).padStart(4, '0')}`

async function issue(sessions: Sessions<typeof CLAIMS>): Promise<Buffer[]> {
  const tokens: Buffer[] = []
  for (let i = 0; i < TOKENS; i++) {
    const { accessToken } = await sessions.create({ userId: userOf(i), claims: CLAIMS })
    tokens.push(Buffer.from(accessToken.value))
  }
  return tokens
}

/** New strings, as each request brings one. V8 compares a string with itself by its address alone. */
const freshStrings = (tokens: readonly Buffer[], from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => tokens[(from + i) % tokens.length]!.toString('latin1'))

function sync(
  id: string,
  label: string,
  count: number,
  tokens: readonly Buffer[],
  userIdOf: (token: string) => string,
): Contender {
  return {
    id,
    label,
    count,
    measure(n) {
      let elapsed = 0n
      for (let done = 0; done < n; done += TOKENS) {
        const strings = freshStrings(tokens, done, TOKENS)
        const userIds: string[] = new Array(TOKENS)
        const startedAt = process.hrtime.bigint()
        for (let i = 0; i < TOKENS; i++) userIds[i] = userIdOf(strings[i]!)
        elapsed += process.hrtime.bigint() - startedAt
        assertUsers(label, userIds)
      }
      return Number(elapsed) / n
    },
  }
}

function async(
  id: string,
  label: string,
  count: number,
  tokens: readonly Buffer[],
  userIdOf: (token: string) => Promise<string>,
): Contender {
  return {
    id,
    label,
    count,
    async measure(n) {
      const strings = freshStrings(tokens, 0, n)
      const userIds: string[] = new Array(n)
      const startedAt = process.hrtime.bigint()
      for (let i = 0; i < n; i++) userIds[i] = await userIdOf(strings[i]!)
      const elapsed = process.hrtime.bigint() - startedAt
      assertUsers(label, userIds)
      return Number(elapsed) / n
    },
  }
}

function assertUsers(label: string, userIds: readonly string[]): void {
  const wrong = userIds.findIndex((userId, index) => userId !== userOf(index))
  if (wrong >= 0) throw new Error(`${label} returned the wrong user for token ${wrong}: '${userIds[wrong]}'`)
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
