import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { appliesTo, type Protocol, type Scenario } from '../../src/cli/commands/conformance/scenario.ts'
import { SCENARIOS } from '../../src/cli/commands/conformance/scenarios/index.ts'
import { CONFORMANCE_CLIENTS } from './support/conformance-clients.ts'
import type { Driven } from './support/drive.ts'
import { play, type Verdicts } from './support/kit.ts'
import { type Disk, MISTAKES, type Mistake, miniClient } from './support/mini-client.ts'

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

/** The results of a client in `docs/reference/conformance.md`, by scenario. */
function documented(client: string): Readonly<Record<string, string>> {
  const [, table = ''] = readFileSync('docs/reference/conformance.md', 'utf8').split('<!-- table -->\n\n')
  const [head = [], , ...rows] = table
    .split('\n\n')[0]!
    .split('\n')
    .map((line) => line.slice(2, -2).split(' | '))
  const column = head.indexOf(client)
  const entries = rows.map((cells) => [/^`([\w-]+)`/.exec(cells[0]!)![1]!, cells[column]!] as const)
  return Object.fromEntries(entries.filter(([, result]) => result !== '-'))
}

describe('the conformance kit', () => {
  it.each(CONFORMANCE_CLIENTS)(
    'finds in $name what its documentation says',
    { timeout: LONG },
    async (client) => {
      const verdicts = await play(client.protocol, scenariosOf(client.protocol), await client.open())
      const results = Object.entries(verdicts).map(([name, { length }]) => [
        name,
        length > 0 ? '**failed**' : 'passed',
      ])
      expect(Object.fromEntries(results)).toStrictEqual(documented(client.name))
      if (client.name.includes('pawl/client')) expect(failed(verdicts)).toStrictEqual({})
      else expect(failed(verdicts)).toMatchSnapshot()
    },
  )

  it('passes a small client that makes no mistake', { timeout: LONG }, async () => {
    expect(failed(await play('bearer', BEARER, miniApp()))).toStrictEqual({})
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
