import { type CookieJar, createJar } from './http-jar.ts'
import { type Answer, asVisitor, type Site, type VisitOptions, type Visitor } from './http-site.ts'
import { encodePart } from './jwt.ts'
import { createDevice, type Device } from './proofs.ts'

export { createDevice, type Device } from './proofs.ts'

export const DEVICE_COOKIE = '__Host-pawl-device'

const DEVICE_ROUTE = '/session/device'
const REFRESH_ROUTE = '/session/refresh'
/** Chromium gives up, and forgets the key, after so many refusals of one attempt. */
const MAX_REFUSALS = 4

/** What a registration answers. */
interface Instructions {
  readonly session_identifier: string
  readonly refresh_url: string
  readonly continue?: false
  readonly credentials: readonly { readonly name: string }[]
}

/** A registration of Device Bound Session Credentials, as the browser keeps it. */
export interface Registration {
  readonly id: string
  readonly device: Device
  readonly cookie: string
  readonly url: string
  /** What the next proof signs; `null` before the server has sent any. */
  challenge: string | null
}

/** A visitor whose browser has a key of its own. */
export interface DbscVisitor extends Visitor {
  /** Those that the browser has now, oldest first. */
  readonly registrations: readonly Registration[]
  /** Every request to the device route: the id and the status. `null` is a registration. */
  readonly proofs: readonly { readonly id: string | null; readonly status: number }[]
  /** Proves itself now, as the browser does before a request without the device cookie. */
  prove(): Promise<void>
  /** The answer to the next request to the device route is lost. */
  loseAnswer(): void
  /** Drops every key, as after a reset of the TPM. */
  forget(): void
}

/** A proof of DBSC: of a registration with the key, of a refresh without. */
export function dbscProof(
  device: Device,
  challenge: string,
  { withKey = false, header = {} }: { readonly withKey?: boolean; readonly header?: object } = {},
): string {
  const named = { alg: 'ES256', typ: 'dbsc+jwt', ...(withKey && { jwk: device.jwk }), ...header }
  return device.sign(`${encodePart(named)}.${encodePart({ jti: challenge })}`)
}

/** The challenge in a header of an answer; `null` for none. */
export function challengeIn({ headers }: Pick<Answer, 'headers'>): string | null {
  return /^"([^"]+)";id="[^"]+"$/.exec(headers.get('secure-session-challenge') ?? '')?.[1] ?? null
}

/** The challenge with which a login asks the browser to register; `null` for none. */
export function registrationIn({ headers }: Pick<Answer, 'headers'>): string | null {
  return /;challenge="([^"]+)"$/.exec(headers.get('secure-session-registration') ?? '')?.[1] ?? null
}

/**
 * A browser with Device Bound Session Credentials, as far as a server sees one. It registers when an answer asks for it, keeps
 * the device cookie for as long as that says, and proves itself before a request without it. Measured: Chromium 156.
 */
export function dbscVisitor(site: Site, jar: CookieJar = createJar()): DbscVisitor {
  const plain = site.visitor(jar)
  let registrations: Registration[] = []
  const proofs: { id: string | null; status: number }[] = []
  let cookieExpiresAt = 0
  let losesNext = false

  /** @returns null if the answer was lost */
  async function send(headers: Record<string, string>): Promise<Answer | null> {
    const isLost = losesNext
    losesNext = false
    const sender = isLost ? site.visitor(jar.copy()) : plain
    const answer = await sender.visit('POST', DEVICE_ROUTE, { headers })
    proofs.push({ id: headers['sec-secure-session-id'] ?? null, status: answer.status })
    if (isLost) return null
    keep(answer)
    return answer
  }

  /** Takes what an answer says to the browser itself. */
  function keep(answer: Answer): void {
    if (answer.cookies.some((cookie) => /^__Host-pawl-device=[^;]/.test(cookie)))
      cookieExpiresAt = site.clock.now() + 600_000
    const [, challenge, id] =
      /^"([^"]+)";id="([^"]+)"$/.exec(answer.headers.get('secure-session-challenge') ?? '') ?? []
    const registration = registrations.find((other) => other.id === id)
    if (registration !== undefined) registration.challenge = challenge!
  }

  async function register(challenge: string): Promise<void> {
    const device = createDevice()
    const answer = await send({ 'secure-session-response': dbscProof(device, challenge, { withKey: true }) })
    if (answer?.status !== 200) return
    const { session_identifier: id, refresh_url: url, credentials, ...rest } = answer.body as Instructions
    if (rest.continue === false) return
    registrations = registrations.filter((other) => other.id !== id)
    registrations.push({ id, device, url, cookie: credentials[0]!.name, challenge: challengeIn(answer) })
  }

  async function proveAs(registration: Registration): Promise<void> {
    for (let refused = 0; refused < MAX_REFUSALS; refused++) {
      const { id, device, challenge } = registration
      const answer = await send({
        'sec-secure-session-id': id,
        ...(challenge !== null && { 'secure-session-response': dbscProof(device, challenge) }),
      })
      // The browser sends the request without the cookie, and asks again before the next one.
      if (answer === null || answer.status >= 500) return
      const goesOn = answer.status === 200 && (answer.body as Instructions).continue !== false
      if (goesOn) return
      if (answer.status !== 403 || challengeIn(answer) === null) break
    }
    registrations = registrations.filter((other) => other !== registration)
  }

  async function prove(): Promise<void> {
    if (site.clock.now() >= cookieExpiresAt) jar.delete(DEVICE_COOKIE)
    for (const registration of [...registrations]) {
      if (jar.get(registration.cookie) !== undefined) return
      await proveAs(registration)
    }
  }

  async function visit(method: string, target: string, options?: VisitOptions): Promise<Answer> {
    await prove()
    const answer = await plain.visit(method, target, options)
    keep(answer)
    const challenge = registrationIn(answer)
    if (challenge !== null) await register(challenge)
    return answer
  }

  return {
    ...asVisitor(jar, visit),
    get registrations() {
      return registrations
    },
    proofs,
    prove,
    loseAnswer() {
      losesNext = true
    },
    forget() {
      registrations = []
    },
  }
}

/** A client of `pawl/client/bind`: a script of a page, or an app in bearer mode. */
export interface ProvingClient extends Visitor {
  readonly device: Device
  /** What the next proof signs. */
  nonce: string | null
  /** In bearer mode, where there is no jar. */
  readonly tokens: { accessToken: string; refreshToken: string }
  /** Registers the key with the challenge of the last login. */
  register(challenge?: string): Promise<Answer>
  /** Refreshes with a proof, once more if the server asks for another one. */
  proven(): Promise<Answer>
  /** Refreshes once. @param proof `null` for none */
  refreshWith(proof: string | null): Promise<Answer>
  /** A proof for a route. */
  proofFor(route: 'device' | 'refresh', nonce: string | null, payload?: object, header?: object): string
}

export function provingClient(
  site: Site,
  mode: 'cookie' | 'bearer',
  jar: CookieJar = createJar(),
  device: Device = createDevice(),
): ProvingClient {
  const plain = site.visitor(jar)
  const bearer = mode === 'bearer' ? { 'pawl-transport': 'bearer', 'content-type': 'application/json' } : {}
  const tokens = { accessToken: '', refreshToken: '' }
  let registration: string | undefined

  async function visit(method: string, target: string, given: VisitOptions = {}): Promise<Answer> {
    const authorization = tokens.accessToken === '' ? {} : { authorization: `Bearer ${tokens.accessToken}` }
    const headers = mode === 'bearer' ? { ...bearer, ...authorization, ...given.headers } : given.headers
    const answer = await plain.visit(method, target, { ...given, ...(headers && { headers }) })
    client.nonce = answer.headers.get('dpop-nonce') ?? client.nonce
    if (answer.status !== 200 || typeof answer.body !== 'object' || answer.body === null) return answer
    const { accessToken, refreshToken, deviceChallenge } = answer.body as Record<string, string | null>
    if (accessToken) tokens.accessToken = accessToken
    if (refreshToken) tokens.refreshToken = refreshToken
    registration = deviceChallenge ?? registration
    return answer
  }

  const send = (route: string, proof: string | null): Promise<Answer> =>
    visit('POST', route, {
      headers: { ...bearer, ...(proof !== null && { dpop: proof }) },
      ...(mode === 'bearer' && { body: JSON.stringify({ refreshToken: tokens.refreshToken }) }),
    })
  const client: ProvingClient = {
    ...asVisitor(jar, visit),
    device,
    nonce: null,
    tokens,
    register: (challenge = registration) => send(DEVICE_ROUTE, client.proofFor('device', challenge ?? null)),
    async proven() {
      const first = await client.refreshWith(client.proofFor('refresh', client.nonce))
      const { code } = (first.body ?? {}) as { code?: string }
      return code === 'device_proof_required'
        ? client.refreshWith(client.proofFor('refresh', client.nonce))
        : first
    },
    refreshWith: (proof) => send(REFRESH_ROUTE, proof),
    proofFor(route, nonce, payload = {}, header = {}) {
      const htu = `https://app.example.com/session/${route}`
      const iat = Math.floor(site.clock.now() / 1000)
      return device.dpop(
        { htm: 'POST', htu, iat, ...(nonce !== null && { nonce }), ...payload },
        { ...header },
      )
    },
  }
  return client
}
