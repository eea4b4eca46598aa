import { describe, expect, it } from 'vitest'
import { appliesTo, type Protocol, type Scenario } from '../../src/cli/commands/conformance/scenario.ts'
import { SCENARIOS } from '../../src/cli/commands/conformance/scenarios/index.ts'
import type { Driven } from './support/drive.ts'
import { play, type Verdicts } from './support/kit.ts'
import { type Disk, MISTAKES, type Mistake, miniClient } from './support/mini-client.ts'
import { bearerApp, cookiePage } from './support/pawl-client.ts'
import { websitePages } from './support/website-page.ts'

const scenariosOf = (protocol: Protocol): readonly Scenario[] =>
  SCENARIOS.filter((scenario) => appliesTo(scenario, protocol))
const BEARER = scenariosOf('bearer')
const LONG = 120_000

const failed = (verdicts: Verdicts): Verdicts =>
  Object.fromEntries(Object.entries(verdicts).filter(([, wrong]) => wrong.length > 0))

function miniApp(mistake?: Mistake): (isFresh: boolean, url: string) => Driven {
  let disk: Disk = { tokens: null }
  return (isFresh, url) => {
    if (isFresh) disk = { tokens: null }
    return miniClient(url, disk, mistake)
  }
}

/** Plays every scenario of a protocol. */
async function playAll(
  protocol: Protocol,
  create: (isFresh: boolean, url: string) => Driven,
): Promise<Verdicts> {
  const scenarios = scenariosOf(protocol)
  const verdicts = await play(protocol, scenarios, create)
  expect(Object.keys(verdicts)).toStrictEqual(scenarios.map(({ name }) => name))
  return failed(verdicts)
}

describe('the conformance kit', () => {
  it('passes pawl/client in bearer mode', { timeout: LONG }, async () => {
    expect(await playAll('bearer', bearerApp())).toStrictEqual({})
  })

  it('passes pawl/client in cookie mode', { timeout: LONG }, async () => {
    expect(await playAll('cookie', cookiePage())).toStrictEqual({})
  })

  it.each(['header', 'cookie'] as const)(
    'passes supertokens-website in %s mode but for one race',
    {
      timeout: LONG,
    },
    async (mode) => {
      const { 'sign-out-race': race, ...others } = await playAll('fdi', await websitePages(mode))
      expect(others).toStrictEqual({})
      // The answer to a refresh that arrives after the sign-out brings the session back, until the next request.
      expect(race?.[0]).toBe('The client does not say that the user is signed out, although the server did.')
    },
  )

  it('passes a small client that makes no mistake', { timeout: LONG }, async () => {
    expect(await playAll('bearer', miniApp())).toStrictEqual({})
  })
})

describe('each mistake', () => {
  it('has a scenario, and each scenario a mistake', () => {
    const found = new Set<string>(Object.values(MISTAKES).flat())
    expect(BEARER.map(({ name }) => name).filter((name) => !found.has(name))).toStrictEqual([])
  })

  it.each(Object.keys(MISTAKES) as Mistake[])(
    'is found: a client that %s',
    { timeout: LONG },
    async (mistake) => {
      const scenarios = BEARER.filter(({ name }) => MISTAKES[mistake].includes(name))
      const verdicts = await play('bearer', scenarios, miniApp(mistake))
      expect(verdicts).toMatchSnapshot()
      expect(Object.keys(failed(verdicts))).toStrictEqual(scenarios.map(({ name }) => name))
    },
  )
})
