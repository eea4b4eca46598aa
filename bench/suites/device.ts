import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'
import { createSessions } from 'pawl'
import { fetchSessions } from 'pawl/fetch'
import { memory } from 'pawl/memory'
import { type Figure, figure, spread } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { type Contender, measureInRounds } from '../harness/timing.ts'

const ORIGIN = 'https://app.example.com'
const CALLS = 300

const LABELS = {
  unbound: 'refresh of an unbound session, without a store',
  dbsc: 'the same of a session bound by DBSC: the MAC of the device cookie',
  script: 'the same of a session bound by `pawl/client/bind`: its signature',
  proof: 'proof at the device route: its signature',
}
type Id = keyof typeof LABELS

/** Time that a proof of the device adds to a refresh, on the server. Whole requests, without a network or a database. */
export async function device({ quick, progress }: SuiteOptions): Promise<Figure[]> {
  const options = { store: memory(), secret: randomBytes(32), limits: { refreshesPerMinute: null } }
  const sessions = await createSessions({ ...options, deviceBinding: 'offer' })
  const handle = fetchSessions(sessions)
  const send = async (
    path: string,
    cookie: string,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const request = new Request(`${ORIGIN}${path}`, {
      method: 'POST',
      headers: { origin: ORIGIN, cookie, ...headers },
    })
    const response = await handle(request, async (session) =>
      Response.json(await session.create({ userId: 'user-1' })),
    )
    if (!response.ok) throw new Error(`POST ${path} returned ${response.status}: ${await response.text()}`)
    return response
  }
  const login = async (): Promise<{ cookie: string; challenge: string }> => {
    const response = await send('/login', '')
    const { deviceChallenge } = (await response.json()) as { deviceChallenge: string }
    return { cookie: cookieHeader(response), challenge: deviceChallenge }
  }

  const unbound = (await login()).cookie
  const script = await bindByScript(await login(), send)
  const browser = await bindByBrowser(await login(), send)

  const contenders: Contender[] = [
    contender('unbound', () => send('/session/refresh', unbound)),
    contender('dbsc', () => send('/session/refresh', browser.withDevice)),
    contender('script', () => send('/session/refresh', script.cookie, { dpop: script.proof })),
    contender('proof', () => send('/session/device', browser.cookie, browser.headers)),
  ]
  const times = await measureInRounds(
    contenders,
    quick ? { rounds: 3, seconds: 3 } : { rounds: 40, seconds: 30 },
    (done) => progress('refreshes', done),
  )
  await sessions.close()
  return (Object.keys(LABELS) as Id[]).map((id) =>
    figure(`device.${id}`, LABELS[id], spread(times(id).map((time) => time / 1000)), 'µs'),
  )
}

type Send = (path: string, cookie: string, headers?: Record<string, string>) => Promise<Response>
type Login = { readonly cookie: string; readonly challenge: string }

async function bindByScript(
  { cookie, challenge }: Login,
  send: Send,
): Promise<{ cookie: string; proof: string }> {
  const { privateKey, jwk } = newKey()
  const proof = (path: string, nonce: string): string =>
    jwt(
      privateKey,
      { typ: 'dpop+jwt', alg: 'ES256', jwk },
      {
        jti: randomUUID(),
        htm: 'POST',
        htu: `${ORIGIN}${path}`,
        iat: Math.floor(Date.now() / 1000),
        nonce,
      },
    )
  const registered = await send('/session/device', cookie, { dpop: proof('/session/device', challenge) })
  return { cookie, proof: proof('/session/refresh', registered.headers.get('dpop-nonce')!) }
}

async function bindByBrowser({ cookie, challenge }: Login, send: Send) {
  const { privateKey, jwk } = newKey()
  const header = { typ: 'dbsc+jwt', alg: 'ES256' }
  const registered = await send('/session/device', cookie, {
    'secure-session-response': jwt(privateKey, { ...header, jwk }, { jti: challenge }),
  })
  const { session_identifier: id } = (await registered.json()) as { session_identifier: string }
  const headersFor = (answer: Response): Record<string, string> => ({
    'sec-secure-session-id': id,
    'secure-session-response': jwt(privateKey, header, {
      jti: /^"([^"]+)"/.exec(answer.headers.get('secure-session-challenge')!)![1],
    }),
  })
  const confirmed = await send('/session/device', cookie, headersFor(registered))
  const withDevice = `${cookie}; ${cookieHeader(confirmed)}`
  return { cookie, withDevice, headers: headersFor(confirmed) }
}

/** The refresh cookie too, which browsers send to these routes. */
function cookieHeader(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0]!)
    .join('; ')
}

function newKey(): { privateKey: KeyObject; jwk: unknown } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) }
}

function jwt(key: KeyObject, header: object, payload: object): string {
  const input = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function contender(id: Id, call: () => Promise<unknown>): Contender {
  return {
    id,
    count: CALLS,
    async measure(count) {
      const startedAt = process.hrtime.bigint()
      for (let i = 0; i < count; i++) await call()
      return Number(process.hrtime.bigint() - startedAt) / count
    },
  }
}
