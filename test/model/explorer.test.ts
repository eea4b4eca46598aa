import { describe, expect, it } from 'vitest'
import { MUTATIONS as BOUND_MUTATIONS } from './bound/mutations.ts'
import * as bound from './bound/scopes.ts'
import { createBoundWorlds } from './bound/world.ts'
import { explore } from './explore.ts'
import { MUTATIONS } from './mutations.ts'
import { COUNTEREXAMPLES, HONEST, THEFTS } from './scopes.ts'
import { createWorlds } from './world.ts'

// A small part of what `npm run test:model -- --deep` explores; breadth first, so the likeliest part.
const LIMITS = { states: 4000, milliseconds: 10_000, first: true }
// The number of states decides; the time is for a busy machine.
const MUTATION_LIMITS = { states: 200_000, milliseconds: 100_000, first: true }
const MUTATION_TEST = { timeout: 120_000 }

describe('the rotation protocol', () => {
  it.each(Object.entries(HONEST))('logs no honest user out: %s', (_, scope) => {
    const { states, story } = explore(createWorlds(scope, null), LIMITS)
    expect(story).toBeNull()
    expect(states).toBeGreaterThan(1000)
  })

  it.each(Object.entries(THEFTS))('lets no thief stay: %s', (_, scope) => {
    const { states, story } = explore(createWorlds(scope, null), LIMITS)
    expect(story).toBeNull()
    expect(states).toBeGreaterThan(1000)
  })

  it.each(MUTATIONS)('fails without the rule: %s', MUTATION_TEST, (mutation) => {
    const { story } = explore(createWorlds(COUNTEREXAMPLES[mutation], mutation), MUTATION_LIMITS)
    expect(story?.at(-1)).toMatch(/honest logout|thief (stayed|passed)/)
  })
})

describe('the protocol of bound sessions', () => {
  it.each(Object.entries(bound.HONEST))('logs no honest user out: %s', (_, scope) => {
    const { states, story } = explore(createBoundWorlds(scope, null), LIMITS)
    expect(story).toBeNull()
    expect(states).toBeGreaterThan(1000)
  })

  it.each(Object.entries(bound.THEFTS))('ends the access of a thief, not the session: %s', (_, scope) => {
    const { states, story } = explore(createBoundWorlds(scope, null), LIMITS)
    expect(story).toBeNull()
    expect(states).toBeGreaterThan(1000)
  })

  it.each(BOUND_MUTATIONS)('fails without the rule: %s', MUTATION_TEST, (mutation) => {
    const worlds = createBoundWorlds(bound.COUNTEREXAMPLES[mutation], mutation)
    const { story } = explore(worlds, MUTATION_LIMITS)
    expect(story?.at(-1)).toMatch(/honest logout|thief stayed/)
  })
})
