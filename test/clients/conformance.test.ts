import { describe, expect, it } from 'vitest'
import { appliesTo, type Scenario } from '../../src/cli/commands/conformance/scenario.ts'
import { SCENARIOS } from '../../src/cli/commands/conformance/scenarios/index.ts'
import { play } from './support/kit.ts'
import { type Disk, MISTAKES, type Mistake, miniClient } from './support/mini-client.ts'

const BEARER = SCENARIOS.filter((scenario) => appliesTo(scenario, 'bearer'))
const named = (name: string): Scenario => BEARER.find((scenario) => scenario.name === name)!

function playMini(scenarios: readonly Scenario[], mistake?: Mistake): ReturnType<typeof play> {
  let disk: Disk = { tokens: null }
  return play('bearer', scenarios, (isFresh, url) => {
    if (isFresh) disk = { tokens: null }
    return miniClient(url, disk, mistake)
  })
}

describe('the conformance kit', () => {
  it('passes a client that makes no mistake', async () => {
    const verdicts = await playMini(BEARER)
    expect(Object.entries(verdicts).filter(([, wrong]) => wrong.length > 0)).toStrictEqual([])
    expect(Object.keys(verdicts)).toHaveLength(BEARER.length)
  })

  it('has a mistake for every scenario', () => {
    const found = new Set<string>(Object.values(MISTAKES).flat())
    expect(BEARER.map(({ name }) => name).filter((name) => !found.has(name))).toStrictEqual([])
  })

  it.each(Object.keys(MISTAKES) as Mistake[])('finds a client that %s', async (mistake) => {
    const verdicts = await playMini(MISTAKES[mistake].map(named), mistake)
    expect(verdicts).toMatchSnapshot()
    expect(Object.entries(verdicts).filter(([, wrong]) => wrong.length === 0)).toStrictEqual([])
  })
})
