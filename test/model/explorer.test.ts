import { describe, expect, it } from 'vitest'
import { explore } from './explore.ts'
import { MUTATIONS } from './mutations.ts'
import { COUNTEREXAMPLES, HONEST, THEFTS } from './scopes.ts'

// A small part of what `npm run test:model -- --deep` explores; breadth first, so the likeliest part.
const LIMITS = { states: 4000, milliseconds: 10_000, first: true }

describe('the rotation protocol', () => {
  it.each(Object.entries(HONEST))('logs no honest user out: %s', (_, scope) => {
    const { states, story } = explore(scope, null, LIMITS)
    expect(story).toBeNull()
    expect(states).toBeGreaterThan(1000)
  })

  it.each(Object.entries(THEFTS))('lets no thief stay: %s', (_, scope) => {
    const { states, story } = explore(scope, null, LIMITS)
    expect(story).toBeNull()
    expect(states).toBeGreaterThan(1000)
  })

  it.each(MUTATIONS)('fails without the rule: %s', (mutation) => {
    const { story } = explore(COUNTEREXAMPLES[mutation], mutation, {
      states: 200_000,
      milliseconds: 25_000,
      first: true,
    })
    expect(story?.at(-1)).toMatch(/honest logout|thief (stayed|passed)/)
  })
})
