import { parseArgs } from 'node:util'
import { CHALLENGE, VOUCHES } from './bound/device.ts'
import { MUTATIONS as BOUND_MUTATIONS } from './bound/mutations.ts'
import * as bound from './bound/scopes.ts'
import { createBoundWorlds } from './bound/world.ts'
import { type Exploration, explore, type Limits, type Worlds } from './explore.ts'
import { MUTATIONS } from './mutations.ts'
import { COUNTEREXAMPLES, HONEST, THEFTS } from './scopes.ts'
import { createWorlds } from './world.ts'

const HELP = `Explores the rotation protocol and bound sessions: every order of events within small scopes, on the real decision.

Usage: npm run test:model -- [options]

  --deep           Go on for a minute per scope (about an hour; needs 8 GB with
                   NODE_OPTIONS=--max-old-space-size=8000).
  --stories        Print the counterexample found for each mutation.
  --json           Print one JSON object.
  --help           Show this help.

Exit codes: 0 every promise holds, 1 one is broken.
`

type Story = Exploration['story']

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
  const honest = all(HONEST, createWorlds, each, say)
  say('P2: no thief stays')
  const thefts = all(THEFTS, createWorlds, each, say)
  const eachBound = values.deep ? each : { ...each, states: 40_000 }
  say('P1: no honest user of a bound session is logged out')
  const boundHonest = all(bound.HONEST, createBoundWorlds, eachBound, say)
  say('P2: the owner of a bound session goes on, and the access of a thief ends in time')
  const boundThefts = all(bound.THEFTS, createBoundWorlds, eachBound, say)
  say('Mutations: each rule taken away must be noticed')
  const mutations = [
    ...MUTATIONS.map((name) => tried(name, createWorlds(COUNTEREXAMPLES[name], name))),
    ...BOUND_MUTATIONS.map((name) => tried(name, createBoundWorlds(bound.COUNTEREXAMPLES[name], name))),
  ]

  function tried<World>(mutation: string, worlds: Worlds<World>): { mutation: string; story: Story } {
    const { states, story } = explore(worlds, { states: 400_000, milliseconds: 60_000, first: true })
    say(`  ${story === null ? 'MISSED' : 'caught'}  ${mutation} (${states} states)`)
    if (values.stories) for (const line of story ?? []) say(`          ${line}`)
    return { mutation, story }
  }

  const unbound = summary([...honest, ...thefts])
  const ofBound = summary([...boundHonest, ...boundThefts])
  const stay = (lines: readonly Line[]): number => Math.max(...lines.map(({ longestStay }) => longestStay))
  const withProof = boundThefts.filter(({ scope }) => scope.includes('and a proof'))
  const withJar = boundThefts.filter((line) => !withProof.includes(line))
  const caught = mutations.filter(({ story }) => story !== null).length
  const result = {
    ...unbound,
    longestStay: stay(thefts),
    bound: { ...ofBound, longestAccess: stay(withJar), longestAccessWithProof: stay(withProof) },
    mutationsCaught: caught,
    mutations: mutations.length,
  }
  const lines = [...honest, ...thefts, ...boundHonest, ...boundThefts]
  for (const { scope, story } of lines) {
    if (story !== null) say(`\nBroken: ${scope}\n  ${story.join('\n  ')}`)
  }
  say(`\nstates visited: ${unbound.states}, and ${ofBound.states} of bound sessions`)
  say(`honest logouts: ${unbound.honestLogouts}`)
  say(`thieves who stayed: ${unbound.thievesWhoStayed}`)
  say(`thieves who passed a check for a recent authentication: ${unbound.thievesWhoPassed}`)
  say(`longest stay of a thief: ${result.longestStay} turns after the theft`)
  say(`honest logouts of bound sessions, by thieves or not: ${ofBound.honestLogouts}`)
  say(`thieves of bound sessions who stayed: ${ofBound.thievesWhoStayed}`)
  say(
    `longest access of such a thief: ${result.bound.longestAccess} ticks after the copy (a proof vouches for ${VOUCHES}, clocks differ by 1);` +
      ` with a captured proof ${result.bound.longestAccessWithProof} (its challenge is good for ${CHALLENGE} besides)`,
  )
  say(`mutations caught: ${caught}/${mutations.length}`)
  if (values.json)
    process.stdout.write(`${JSON.stringify({ ...result, scopes: lines, mutations }, null, 2)}\n`)
  const isBroken = [unbound, ofBound].some(
    ({ honestLogouts, thievesWhoStayed, thievesWhoPassed }) =>
      honestLogouts + thievesWhoStayed + thievesWhoPassed > 0,
  )
  process.exitCode = isBroken || caught < mutations.length ? 1 : 0
}

function summary(
  lines: readonly Line[],
): Pick<Line, 'states' | 'honestLogouts' | 'thievesWhoStayed' | 'thievesWhoPassed'> {
  const sum = (pick: (line: Line) => number): number => lines.reduce((total, line) => total + pick(line), 0)
  return {
    states: sum(({ states }) => states),
    honestLogouts: sum(({ honestLogouts }) => honestLogouts),
    thievesWhoStayed: sum(({ thievesWhoStayed }) => thievesWhoStayed),
    thievesWhoPassed: sum(({ thievesWhoPassed }) => thievesWhoPassed),
  }
}

function all<Scope, World>(
  scopes: Readonly<Record<string, Scope>>,
  create: (scope: Scope, mutation: null) => Worlds<World>,
  limits: Omit<Limits, 'first'>,
  say: (text: string) => void,
): Line[] {
  return Object.entries(scopes).map(([scope, options]) => {
    const startedAt = performance.now()
    const found = explore(create(options, null), { ...limits, first: false })
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    say(
      `  ${String(found.states).padStart(9)} states ${found.complete ? '(all)' : '     '} ${seconds} s  ${scope}`,
    )
    return { scope, seconds, ...found }
  })
}

main()
