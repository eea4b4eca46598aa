import { generateKeyPairSync, sign } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { addressFunction } from '../../src/adapters/shared/client-address.ts'
import type { ProvidedKey, Sessions, SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createLog } from '../support/logger.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { openSessions } from '../support/sessions.ts'

/** What a function of an application does instead of its work. */
const FAULTS = {
  hangs: () => new Promise<never>(() => {}),
  rejects: () => Promise.reject(new Error('from the application')),
  throws: (): never => {
    throw new Error('from the application')
  },
  'returns a wrong type': () => 7,
} as const
type Fault = keyof typeof FAULTS

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
/** Longer than every bound. */
const LONG = 20_000

/** How a request ends, or `pending` after the longest bound. */
async function outcomeOf(request: Promise<unknown>): Promise<string> {
  let outcome = 'pending'
  request.then(
    () => {
      outcome = 'answered'
    },
    (error: { code?: string; name: string }) => {
      outcome = error.code ?? error.name
    },
  )
  await vi.advanceTimersByTimeAsync(LONG)
  return outcome
}

interface Callback {
  /** The options that hold the callback; it fails once `fault` is set. */
  readonly options: (run: (fallback: () => unknown) => unknown) => Partial<SessionsOptions>
  readonly request: (sessions: Sessions, refreshToken: string) => Promise<unknown>
  readonly outcomes: Readonly<Record<Fault, string>>
  /** Part of the process warning, or the name of the event that reports the fault; null where the caller gets it. */
  readonly reported: Readonly<Record<Fault, string | null>>
}

const login = (sessions: Sessions): Promise<unknown> => sessions.create({ userId: 'v' })
const refresh = (sessions: Sessions, refreshToken: string): Promise<unknown> => sessions.refresh(refreshToken)

const schema = (name: 'claims' | 'data'): Callback => ({
  options: (run) => ({
    [name]: {
      '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => run(() => ({ value })) },
    },
  }),
  request: login,
  outcomes: {
    hangs: 'ERR_TRY_AGAIN',
    rejects: 'Error',
    throws: 'Error',
    'returns a wrong type': 'TypeError',
  },
  reported: { hangs: `\`${name}\``, rejects: null, throws: null, 'returns a wrong type': null },
})

const keyService = (request: Callback['request']): Callback => ({
  options: (run) => {
    const key = {
      kid: 'kms',
      algorithm: 'EdDSA',
      publicKey,
      sign: (input: Uint8Array) => run(async () => sign(null, input, privateKey)),
    } as ProvidedKey
    return { keys: { provided: [key] } }
  },
  request,
  outcomes: {
    hangs: 'ERR_TRY_AGAIN',
    rejects: 'ERR_TRY_AGAIN',
    throws: 'ERR_TRY_AGAIN',
    'returns a wrong type': 'ERR_TRY_AGAIN',
  },
  reported: {
    hangs: 'keyTrouble',
    rejects: 'keyTrouble',
    throws: 'keyTrouble',
    'returns a wrong type': 'keyTrouble',
  },
})

const observer = (name: string, options: Callback['options'], wrongType: string | null): Callback => ({
  options,
  request: refresh,
  outcomes: {
    hangs: 'answered',
    rejects: 'answered',
    throws: 'answered',
    'returns a wrong type': 'answered',
  },
  reported: { hangs: null, rejects: name, throws: name, 'returns a wrong type': wrongType },
})

const CALLBACKS: Readonly<Record<string, Callback>> = {
  '`claims`': schema('claims'),
  '`data`': schema('data'),
  '`sign` at a login': keyService(login),
  '`sign` at a refresh': keyService(refresh),
  '`allowRefresh`': {
    options: (run) => ({ limits: { allowRefresh: () => run(() => true) as boolean } }),
    request: refresh,
    outcomes: {
      hangs: 'ERR_TRY_AGAIN',
      rejects: 'answered',
      throws: 'answered',
      'returns a wrong type': 'answered',
    },
    reported: {
      hangs: '`allowRefresh`',
      rejects: '`allowRefresh`',
      throws: '`allowRefresh`',
      'returns a wrong type': '`allowRefresh`',
    },
  },
  '`logger`': observer(
    '`logger`',
    (run) => {
      const log = (): unknown => run(() => undefined)
      return { logger: { debug: log, info: log, warn: log, error: log } as never }
    },
    null,
  ),
  '`telemetry.trace`': observer(
    '`telemetry.trace`',
    (run) => ({
      telemetry: { observe: () => undefined, trace: (_operation, work) => run(work) as never },
    }),
    null,
  ),
}

const cases = Object.entries(CALLBACKS).flatMap(([name, callback]) =>
  (Object.keys(FAULTS) as Fault[]).map((fault) => ({ name, fault, ...callback })),
)

describe('a function of the application', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it.each(cases)('$name that $fault has a bounded, reported outcome', async (one) => {
    const { options, request, fault, outcomes, reported } = one
    let broken = false
    const { logger, lines } = createLog()
    const sessions = await openSessions({
      logger,
      now: createFakeClock().now,
      ...options((work) => (broken ? FAULTS[fault]() : work())),
    })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const warnings = collectWarnings()
    broken = true
    expect(await outcomeOf(request(sessions, refreshToken.value))).toBe(outcomes[fault])
    const reports = [
      ...warnings.map(({ message }) => message),
      ...lines
        .filter(({ level }) => level === 'error')
        .map(({ fields }) => (fields as { event: string }).event),
    ]
    const report = reported[fault]
    expect(reports).toStrictEqual(report === null ? [] : [expect.stringContaining(report)])
    broken = false
    expect(await outcomeOf(request(sessions, refreshToken.value))).toBe('answered')
  })

  it('that warns in the log of a cross-origin request and rejects costs no request', async () => {
    const fail = (): Promise<void> => Promise.reject(new Error('disk full'))
    const sessions = await openSessions({ logger: { debug() {}, info() {}, warn: fail, error: fail } })
    const withSession = fetchSessions(sessions, { trustedOrigins: ['https://spa.example.com'] })
    const warnings = collectWarnings()
    const headers = { origin: 'https://spa.example.com', 'sec-fetch-site': 'cross-site' }
    const request = new Request('https://app.example.com/', { headers })
    const { status } = await withSession(request, () => new Response(null, { status: 204 }))
    expect(status).toBe(204)
    await vi.advanceTimersByTimeAsync(0)
    expect(warnings).toStrictEqual([
      { name: 'PawlWarning', message: '`logger` threw (reported only once): disk full' },
    ])
  })

  it.each(Object.keys(FAULTS) as Fault[])('as client of a transaction that %s is given up', async (fault) => {
    const pool = { query: FAULTS.hangs, connect: FAULTS.hangs, end: FAULTS.hangs }
    const { using } = postgres({ pool: pool as never, listen: false })
    const id = '01890a5d-ac96-774b-bcce-b302099a8057'
    expect(await outcomeOf(using({ query: FAULTS[fault] }).read(id))).toBe(
      {
        hangs: 'ERR_STORE_UNAVAILABLE',
        rejects: 'Error',
        throws: 'Error',
        'returns a wrong type': 'TypeError',
      }[fault],
    )
  })
})

describe('the option `ip` of an adapter', () => {
  it.each([
    { fault: 'throws', ip: FAULTS.throws },
    { fault: 'is async and rejects', ip: FAULTS.rejects },
    { fault: 'is async', ip: FAULTS.hangs },
    { fault: 'returns a wrong type', ip: FAULTS['returns a wrong type'] },
  ])('that $fault costs no request, and is reported', async ({ ip }) => {
    const addressOf = addressFunction(ip as never)!
    const warnings = collectWarnings()
    expect(addressOf({})).toBeUndefined()
    expect(warnings).toMatchObject([{ name: 'PawlWarning', message: expect.stringContaining('`ip`') }])
  })
})
