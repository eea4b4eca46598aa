import type { Mutation } from './mutations.ts'
import { createWorlds, keyOf, type Outcome, type Scope, type World } from './world.ts'

export interface Exploration {
  readonly states: number
  /** Whether everything within the scope was seen. */
  readonly complete: boolean
  readonly honestLogouts: number
  readonly thievesWhoStayed: number
  /** Thieves who passed a check for a recent authentication. */
  readonly thievesWhoPassed: number
  /** Most turns between a theft and its end, over all runs that ended. */
  readonly longestStay: number
  /** The shortest way to the first violation. */
  readonly story: readonly string[] | null
}

export interface Limits {
  readonly states: number
  readonly milliseconds: number
  /** Stop at the first violation. */
  readonly first: boolean
}

/** Breadth first, so that the first violation found is a shortest one. */
export function explore(scope: Scope, mutation: Mutation | null, limits: Limits): Exploration {
  const { start, steps } = createWorlds(scope, mutation)
  const seen = new Set<string>()
  // The way to each state, as parallel arrays: a few bytes a state instead of an object.
  const cameFrom: number[] = []
  const stories: string[] = []
  let frontier: { world: World; id: number }[] = []
  const found = { 'honest logout': 0, 'thief stayed': 0, 'thief passed': 0 }
  let story: string[] | null = null
  let longestStay = 0
  const deadline = performance.now() + limits.milliseconds

  /** @returns the number of a world not seen before; null for one that was */
  const visit = (world: World, from: number, how: string): number | null => {
    const key = keyOf(world)
    if (seen.has(key)) return null
    seen.add(key)
    stories.push(how)
    return cameFrom.push(from) - 1
  }
  let world = start()
  let id = visit(world, -1, '')!
  for (const wanted of scope.given) {
    const step = steps(world).findLast((candidate) => wanted.test(candidate.story))
    if (step === undefined) throw new Error(`no step ${wanted} to begin with`)
    world = step.world
    id = visit(world, id, step.story)!
  }
  frontier.push({ world, id })

  const report = (outcome: Outcome, id: number, how: string): void => {
    if (outcome === 'goes on' || outcome === 'ended') return
    found[outcome]++
    if (story !== null) return
    story = [how, `=> ${outcome}`]
    for (let at = id; at > 0; at = cameFrom[at]!) story.unshift(stories[at]!)
  }

  let complete = true
  search: while (frontier.length > 0) {
    const next: typeof frontier = []
    for (const { world, id } of frontier) {
      if (seen.size >= limits.states || performance.now() > deadline) {
        complete = false
        break search
      }
      for (const step of steps(world)) {
        if (step.outcome !== 'goes on') {
          if (world.thief !== null)
            longestStay = Math.max(longestStay, world.row.generation - world.thief.stolenAt)
          report(step.outcome, id, step.story)
          if (limits.first && story !== null) break search
          continue
        }
        const reached = visit(step.world, id, step.story)
        if (reached !== null) next.push({ world: step.world, id: reached })
      }
    }
    frontier = next
  }
  return {
    states: seen.size,
    complete,
    honestLogouts: found['honest logout'],
    thievesWhoStayed: found['thief stayed'],
    thievesWhoPassed: found['thief passed'],
    longestStay,
    story,
  }
}
