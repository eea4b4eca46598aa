import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createSessions } from 'pawl'
import { fetchSessions } from 'pawl/fetch'
import { memory } from 'pawl/memory'
import { createVerifier } from 'pawl/verify'
import { type Figure, figure, spread } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { type Contender, measureInRounds } from '../harness/timing.ts'

const ORIGIN = 'https://app.example.com'

/** Proofs of devices per second: the whole check of a request, against the same request without a proof. */
export async function proofs({ quick, progress }: SuiteOptions): Promise<Figure[]> {
  const sessions = await createSessions({
    store: memory(),
    secret: randomBytes(32),
    keys: { algorithm: 'ES256' },
    deviceBinding: 'offer',
  })
  const handle = fetchSessions(sessions)
  const prove = createProver()
  const send = async (path: string, headers: Record<string, string>, proof = false): Promise<Response> => {
    const request = new Request(`${ORIGIN}${path}`, { method: 'POST', headers })
    const respond = async (session: { create(user: object): Promise<object>; userId: string }) =>
      path === '/login'
        ? Response.json(await session.create({ userId: 'anna' }))
        : new Response(session.userId)
    const response = await handle(request, respond as never, proof ? { proof } : {})
    if (!response.ok) throw new Error(`${path} returned ${response.status}`)
    return response
  }
  const app = { 'pawl-transport': 'bearer' }
  const login = (await (await send('/login', app)).json()) as Record<string, string>
  const registration = await handle(
    new Request(`${ORIGIN}/session/device`, {
      method: 'POST',
      headers: {
        ...app,
        'content-type': 'application/json',
        dpop: prove('/session/device', { nonce: login['deviceChallenge'] }),
      },
      body: JSON.stringify({ refreshToken: login['refreshToken'] }),
    }),
    () => new Response(null, { status: 404 }),
  )
  const { accessToken } = (await registration.json()) as { accessToken: string }
  const ath = createHash('sha256').update(accessToken).digest('base64url')
  const dpop = prove('/pay', { ath })
  const headers = { authorization: `Bearer ${accessToken}`, dpop }
  const verifier = createVerifier({ jwks: sessions.keys.jwks() })
  const request = { proof: dpop, method: 'POST', url: `${ORIGIN}/pay` }

  const contenders = [
    contender('route', () => send('/pay', headers, true)),
    contender('route-without', () => send('/pay', headers)),
    contender('verifier', () => verifier.verify(accessToken, request)),
  ]
  const timesOf = await measureInRounds(
    contenders.map((one) => ({ ...one, count: quick ? 200 : 2000 })),
    { rounds: quick ? 3 : 19, seconds: 30 },
    (done) => progress('all contenders in turn', done),
  )
  await sessions.close()
  const perSecond = (id: string, what: string): Figure =>
    figure(`proofs.${id}`, what, spread(timesOf(id).map((time) => 1e9 / time)), '/s')
  return [
    perSecond('route', 'requests of one process with `requireSession({ proof: true })`'),
    perSecond('route-without', 'the same requests without a proof'),
    perSecond('verifier', '`verifier.verify(token, { proof, … })` of `pawl/verify`'),
  ]
}

function createProver(): (path: string, claims: object) => string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicKey.export({ format: 'jwk' }) })
  return (path, claims) => {
    const iat = Math.floor(Date.now() / 1000)
    const payload = { jti: 'a1', htm: 'POST', htu: `${ORIGIN}${path}`, iat, ...claims }
    const input = `${header}.${encode(payload)}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
}

function contender(id: string, run: () => Promise<unknown>): Contender {
  return {
    id,
    count: 0,
    async measure(count) {
      const startedAt = process.hrtime.bigint()
      for (let done = 0; done < count; done++) await run()
      return Number(process.hrtime.bigint() - startedAt) / count
    },
  }
}
