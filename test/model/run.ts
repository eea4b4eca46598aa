import { parseArgs } from 'node:util'
import { type Exploration, explore, type Limits } from './explore.ts'
import { MUTATIONS } from './mutations.ts'
import { COUNTEREXAMPLES, HONEST, THEFTS } from './scopes.ts'
import type { Scope } from './world.ts'

const HELP = `Explores the rotation protocol: every order of events within small scopes, on the real decision.

Usage: npm run test:model -- [options]

  --deep           Go on for a minute per scope (about 16 minutes; needs 8 GB with
                   NODE_OPTIONS=--max-old-space-size=8000).
  --stories        Print the counterexample found for each mutation.
  --json           Print one JSON object.
  --help           Show this help.

Exit codes: 0 every promise holds, 1 one is broken.
`

interface Line extends Exploration {
  readonly scope: string
  readonly seconds: number
}

function main(): void {
  const { values } = parseArgs({
    options: {
      deep: { type: 'boolean', default: false },
      stories: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const each = values.deep
    ? { states: 3_000_000, milliseconds: 60_000 }
    : { states: 60_000, milliseconds: 8_000 }
  const say = (text: string): void => {
    if (!values.json) process.stdout.write(`${text}\n`)
  }

  say('P1: no honest user is logged out')
  const honest = all(HONEST, { ...each, first: false }, say)
  say('P2: no thief stays')
  const thefts = all(THEFTS, { ...each, first: false }, say)
  say('Mutations: each rule taken away must be noticed')
  let caught = 0
  const mutations = MUTATIONS.map((mutation) => {
    const found = explore(COUNTEREXAMPLES[mutation], mutation, {
      states: 400_000,
      milliseconds: 60_000,
      first: true,
    })
    if (found.story !== null) caught++
    say(`  ${found.story === null ? 'MISSED' : 'caught'}  ${mutation} (${found.states} states)`)
    if (values.stories) for (const line of found.story ?? []) say(`          ${line}`)
    return { mutation, caught: found.story !== null, story: found.story }
  })

  const lines = [...honest, ...thefts]
  const sum = (pick: (line: Line) => number): number => lines.reduce((total, line) => total + pick(line), 0)
  const result = {
    states: sum(({ states }) => states),
    honestLogouts: sum(({ honestLogouts }) => honestLogouts),
    thievesWhoStayed: sum(({ thievesWhoStayed }) => thievesWhoStayed),
    thievesWhoPassed: sum(({ thievesWhoPassed }) => thievesWhoPassed),
    longestStay: Math.max(...thefts.map(({ longestStay }) => longestStay)),
    mutationsCaught: caught,
    mutations: MUTATIONS.length,
  }
  for (const { scope, story } of lines) {
    if (story !== null) say(`\nBroken: ${scope}\n  ${story.join('\n  ')}`)
  }
  say(`\nstates visited: ${result.states}`)
  say(`honest logouts: ${result.honestLogouts}`)
  say(`thieves who stayed: ${result.thievesWhoStayed}`)
  say(`thieves who passed a check for a recent authentication: ${result.thievesWhoPassed}`)
  say(`longest stay of a thief: ${result.longestStay} turns after the theft`)
  say(`mutations caught: ${caught}/${MUTATIONS.length}`)
  if (values.json)
    process.stdout.write(`${JSON.stringify({ ...result, scopes: lines, mutations }, null, 2)}\n`)
  const violations = result.honestLogouts + result.thievesWhoStayed + result.thievesWhoPassed
  const holds = violations === 0 && caught === MUTATIONS.length
  process.exitCode = holds ? 0 : 1
}

function all(scopes: Readonly<Record<string, Scope>>, limits: Limits, say: (text: string) => void): Line[] {
  return Object.entries(scopes).map(([scope, options]) => {
    const startedAt = performance.now()
    const found = explore(options, null, limits)
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    say(
      `  ${String(found.states).padStart(9)} states ${found.complete ? '(all)' : '     '} ${seconds} s  ${scope}`,
    )
    return { scope, seconds, ...found }
  })
}

main()
