import { judge } from './judge.ts'
import type { Finding, Observation, SeenRequest } from './observation.ts'
import {
  type Act,
  type ClientAct,
  isClientAct,
  type KitAct,
  type Protocol,
  type Scenario,
} from './scenario.ts'
import { type Application, openApplication } from './server/application.ts'
import { createFates, delay, type Fates } from './server/fates.ts'
import type { Traffic } from './server/kit-server.ts'
import { hasToken, type Tokens } from './server/tokens.ts'
import type { Step, Steps } from './steps.ts'

/** Pawl notes the first use of an access token in the background, at once when idle. In ms. */
const CONFIRMATION = 60
const USERS = ['anna', 'ben']

/** Where the client finds the API, and the other origin. */
export interface Addresses {
  readonly url: string
  readonly other: string
}

/** One scenario under way. */
export interface Play {
  readonly traffic: Omit<Traffic, 'control'>
  note(request: SeenRequest): void
  /** Runs the acts, up to the first that the client fails. @throws DriverFailure */
  run(steps: Steps): Promise<Finding[]>
  close(): Promise<void>
}

export async function openPlay(scenario: Scenario, protocol: Protocol, at: Addresses): Promise<Play> {
  const application = await openApplication(protocol, scenario.clock ?? 0, `${at.other}/open`)
  const fates = createFates()
  let seen: SeenRequest[] = []
  let issued: Tokens = { accessToken: undefined, refreshToken: undefined }
  const thief = createThief(application, () => issued)
  const note = (request: SeenRequest): void => void seen.push(request)

  async function ask(act: ClientAct, steps: Steps): Promise<Finding[]> {
    const report = await steps.hand(toStep(act, scenario, at))
    const observed = { report, seen, session: await sessionOf(application) }
    seen = []
    return judge(act, observed, protocol)
  }

  return {
    note,
    traffic: {
      begin(request) {
        note(request)
        return fates.plan(request)
      },
      serve: application.serve,
      issued(tokens) {
        if (hasToken(tokens)) issued = { ...issued, ...definedOf(tokens) }
      },
    },
    async run(steps) {
      for (const act of [{ do: 'start' } as const, ...scenario.acts]) {
        const found = isClientAct(act) ? await ask(act, steps) : await perform(act, application, fates, thief)
        if (found.length > 0) return found
      }
      return []
    },
    async close() {
      fates.release()
      await application.sessions.close()
    },
  }
}

/** What the driver gets to read of an act. */
function toStep(act: ClientAct, { name }: Scenario, { url, other }: Addresses): Step {
  if (act.do === 'sign-in') return { do: act.do, scenario: name, url: `${url}/login`, user: act.user }
  if (act.do !== 'requests') return { do: act.do, scenario: name }
  const requests = act.requests.map(({ method, path, origin, body }) => ({
    method,
    url: `${origin === 'other' ? other : url}${path}`,
    ...(body !== undefined && { body }),
  }))
  return { do: act.do, scenario: name, requests, background: act.background === true }
}

async function perform(
  act: Exclude<Act, ClientAct> & KitAct,
  application: Application,
  fates: Fates,
  thief: Thief,
): Promise<[]> {
  switch (act.kit) {
    case 'advance':
      await delay(CONFIRMATION)
      application.advance(act.seconds)
      break
    case 'refreshes':
      fates.refreshes = act.are
      break
    case 'requests':
      fates.requests = act.are
      break
    case 'hold':
      await fates.held()
      break
    case 'release':
      if (act.afterMs === undefined) fates.release()
      else void delay(act.afterMs).then(fates.release)
      break
    case 'pause':
      await delay(act.ms)
      break
    case 'end':
      for (const { sessionId } of await application.sessions.list(act.user, { active: true }))
        await application.sessions.revoke(sessionId, act.reason)
      break
    case 'expire access tokens':
      await delay(CONFIRMATION)
      await application.sessions.expireAccessTokens({ userId: act.user })
      break
    case 'thief':
      await thief[act.does]()
  }
  return []
}

type Thief = Readonly<Record<'copy' | 'refresh' | 'use', () => Promise<void>>>

function createThief({ refreshAs, requestAs }: Application, issued: () => Tokens): Thief {
  let tokens = issued()
  return {
    async copy() {
      tokens = issued()
    },
    async refresh() {
      tokens = { ...tokens, ...definedOf(await refreshAs(tokens)) }
    },
    async use() {
      await requestAs(tokens)
      await delay(CONFIRMATION)
    },
  }
}

/** An answer may have no new refresh token. */
function definedOf(tokens: Tokens): Partial<Tokens> {
  return Object.fromEntries(Object.entries(tokens).filter(([, token]) => token !== undefined))
}

async function sessionOf({ sessions }: Application): Promise<Observation['session']> {
  const known = (await Promise.all(USERS.map((user) => sessions.list(user)))).flat()
  if (known.length === 0) return 'none'
  return known.some(({ active }) => active) ? 'active' : 'ended'
}
