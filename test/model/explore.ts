export type Outcome = 'goes on' | 'ended' | 'honest logout' | 'thief stayed' | 'thief passed'

export interface Step<World> {
  readonly story: string
  readonly world: World
  readonly outcome: Outcome
}

/** All that can happen within a scope. */
export interface Worlds<World> {
  /** Leads to where the exploration begins: the last step that matches, one after the other. */
  readonly given: readonly RegExp[]
  start(): World
  steps(world: World): Step<World>[]
  /** How long the thief has stayed when this step ends, in units of the scope. */
  stayOf(world: World, step: Step<World>): number
  /** Names a world by what it holds, whatever its tokens are numbered and whenever it happens. */
  keyOf(world: World): string
}

export interface Exploration {
  readonly states: number
  /** Whether everything within the scope was seen. */
  readonly complete: boolean
  readonly honestLogouts: number
  readonly thievesWhoStayed: number
  /** Thieves who passed a check for a recent authentication. */
  readonly thievesWhoPassed: number
  /** The longest stay of a thief that was seen, in units of the scope. */
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
export function explore<World>(worlds: Worlds<World>, limits: Limits): Exploration {
  const { given, start, steps, stayOf, keyOf } = worlds
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
  for (const wanted of given) {
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
        longestStay = Math.max(longestStay, stayOf(world, step))
        if (step.outcome !== 'goes on') {
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
