import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { createSessions, type Sessions } from 'pawl'
import { memory } from 'pawl/memory'
import { type Figure, figure } from '../harness/report.ts'
import { type Contender, inRounds, ratio, spread } from '../harness/rounds.ts'
import type { Settings } from '../harness/suite.ts'
import { fastJwt } from '../peers/fast-jwt.ts'
import { jose } from '../peers/jose.ts'
import { original } from '../peers/original.ts'

const TOKENS = 2000
/** So small that a token has been forgotten when its turn comes again. */
const TINY_CACHE = 200_000
const CLAIMS = { role: 'user' }

type Claims = typeof CLAIMS

/** What it takes to look at an access token: one seen before, and one at first sight. */
export async function verify({ quick, database, progress }: Settings): Promise<Figure[]> {
  const key = randomBytes(32).toString('hex')
  const options = { store: memory(), secret: randomBytes(32), refreshLimit: null }
  const [cached, uncached, forgetful] = await Promise.all([
    createSessions<Claims>(options),
    createSessions<Claims>({ ...options, accessToken: { cacheBytes: 0 } }),
    createSessions<Claims>({ ...options, accessToken: { cacheBytes: TINY_CACHE } }),
  ])
  const fast = fastJwt(key)
  const viaJose = jose(key)
  const first = await original(database)

  const mine = await mint(cached)
  const originals: Buffer[] = []
  for (let i = 0; i < TOKENS; i++)
    originals.push(Buffer.from((await first.create(userOf(i), CLAIMS, {})).accessToken.value))
  // The same payload under a key that everybody knows.
  const theirs = mine.map((token) => Buffer.from(fast.sign(JSON.parse(payloadOf(token.toString())))))

  const contenders: Contender[] = [
    sync('pawl, seen before', mine, (token) => cached.verify(token).userId, 100_000),
    sync('fast-jwt, cached', theirs, (token) => fast.verifyCached(token).sub, 40_000),
    sync('pawl, first sight, no cache', mine, (token) => uncached.verify(token).userId, 20_000),
    sync('pawl, first sight, into its cache', mine, (token) => forgetful.verify(token).userId, 20_000),
    sync('fast-jwt, no cache', theirs, (token) => fast.verify(token).sub, 20_000),
    sync('least possible work', theirs, leastWork(key), 20_000),
    async('jose', theirs, async (token) => (await viaJose(token)).sub, 4000),
    async(
      'the original',
      originals,
      async (token) => String((await first.getSession(token)).session.userId),
      4000,
    ),
  ]
  const timings = await inRounds(
    contenders.map((one) => (quick ? { ...one, count: Math.max(TOKENS, one.count / 10) } : one)),
    { rounds: quick ? 3 : 19, within: 60 },
    (done) => progress('all by turns', done),
  )
  await Promise.all([cached.close(), uncached.close(), forgetful.close(), first.close()])

  const of = (name: string) => timings.get(name)!
  const compare = (id: string, what: string, a: string, b: string, target?: Figure['target']): Figure =>
    figure(`verify.${id}`, what, ratio(of(a), of(b)), { unit: '×', ...(target && { target }) })
  return [
    compare(
      'cached-vs-fast-jwt',
      'verify, token seen before: times as fast as fast-jwt with its cache',
      'fast-jwt, cached',
      'pawl, seen before',
      { atLeast: 2.5 },
    ),
    compare(
      'cached-vs-original',
      'verify, token seen before: times as fast as getSession of the original',
      'the original',
      'pawl, seen before',
      { atLeast: 15 },
    ),
    compare(
      'first-vs-least',
      'verify, first sight: time against the least possible work',
      'pawl, first sight, no cache',
      'least possible work',
      { atMost: 1.25 },
    ),
    compare(
      'first-vs-fast-jwt',
      'verify, first sight: times as fast as fast-jwt without cache',
      'fast-jwt, no cache',
      'pawl, first sight, no cache',
      { atLeast: 1.5 },
    ),
    compare(
      'first-into-cache-vs-least',
      'verify, first sight, and remembered in the cache: time against the least possible work',
      'pawl, first sight, into its cache',
      'least possible work',
    ),
    compare(
      'first-vs-jose',
      'verify, first sight: times as fast as jose',
      'jose',
      'pawl, first sight, no cache',
    ),
    ...contenders.map(({ name }) =>
      figure(`verify.ns.${name.replaceAll(/\W+/g, '-')}`, `one verify: ${name}`, spread(of(name).rounds), {
        unit: 'ns',
      }),
    ),
  ]
}

const userOf = (index: number): string => `user-${String(index % TOKENS).padStart(4, '0')}`

async function mint(sessions: Sessions<Claims>): Promise<Buffer[]> {
  const tokens: Buffer[] = []
  for (let i = 0; i < TOKENS; i++) {
    const { accessToken } = await sessions.create({ userId: userOf(i), claims: CLAIMS })
    tokens.push(Buffer.from(accessToken.value))
  }
  return tokens
}

/** A new string each time, as every request brings one: the same string again would be compared by its address. */
const fresh = (tokens: readonly Buffer[], from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => tokens[(from + i) % tokens.length]!.toString('latin1'))

/** @param userId whose token it is: every answer is looked at */
function sync(
  name: string,
  tokens: readonly Buffer[],
  userId: (token: string) => string,
  count: number,
): Contender {
  return {
    name,
    count,
    measure(n) {
      let taken = 0n
      for (let done = 0; done < n; done += TOKENS) {
        const strings = fresh(tokens, done, TOKENS)
        const answers: string[] = new Array(TOKENS)
        const startedAt = process.hrtime.bigint()
        for (let i = 0; i < TOKENS; i++) answers[i] = userId(strings[i]!)
        taken += process.hrtime.bigint() - startedAt
        assertRight(name, answers)
      }
      return Number(taken) / n
    },
  }
}

function async(
  name: string,
  tokens: readonly Buffer[],
  userId: (token: string) => Promise<string>,
  count: number,
): Contender {
  return {
    name,
    count,
    async measure(n) {
      const strings = fresh(tokens, 0, n)
      const answers: string[] = new Array(n)
      const startedAt = process.hrtime.bigint()
      for (let i = 0; i < n; i++) answers[i] = await userId(strings[i]!)
      const taken = process.hrtime.bigint() - startedAt
      assertRight(name, answers)
      return Number(taken) / n
    },
  }
}

function assertRight(name: string, answers: readonly string[]): void {
  const wrong = answers.findIndex((userId, index) => userId !== userOf(index))
  if (wrong >= 0) throw new Error(`${name}: token ${wrong} is said to be of '${answers[wrong]}'`)
}

/** Two base64url decodes, one HMAC-SHA-256, `timingSafeEqual`, `JSON.parse`. */
function leastWork(secret: string): (token: string) => string {
  const key = createSecretKey(Buffer.from(secret))
  return (token) => {
    const end = token.lastIndexOf('.')
    const mac = createHmac('sha256', key).update(token.slice(0, end)).digest()
    if (!timingSafeEqual(mac, Buffer.from(token.slice(end + 1), 'base64url'))) throw new Error('not genuine')
    return JSON.parse(Buffer.from(token.slice(token.indexOf('.') + 1, end), 'base64url').toString()).sub
  }
}

const payloadOf = (token: string): string => Buffer.from(token.split('.')[1]!, 'base64url').toString()
