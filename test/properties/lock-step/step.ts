import type { AsyncCommand } from 'fast-check'
import { expect } from 'vitest'
import type { Sessions } from '../../../src/index.ts'
import { isSessionsError } from '../../../src/index.ts'
import { type Pair, type Process, SIDES, type Side, type World } from './world.ts'

/** One call on both stores. `what` is how it reads in a trace. */
export interface Step {
  readonly what: string
  readonly by: Process
  run(world: World): Promise<void> | void
}

export type Command = AsyncCommand<object, World>

/** After every step everything that can be seen of both stores has to agree. */
export function command(step: Step): Command {
  return {
    check: () => true,
    toString: () => `${step.what}${step.by === 1 ? ' elsewhere' : ''}`,
    async run(_, world) {
      await step.run(world)
      expect(world.heard(1), 'events').toStrictEqual(world.heard(0))
      expect(await world.rows(1), 'rows').toEqual(await world.rows(0))
      expect(keys(world.process(1, step.by)), 'keys').toStrictEqual(keys(world.process(0, step.by)))
    },
  }
}

const keys = (sessions: Sessions): unknown[] => sessions.keys.list().map(({ kid: _, ...key }) => key)

type Outcome<T> = { readonly value: T } | { readonly failed: Record<string, unknown> }

/**
 * Asks both stores and compares how it went, `describe` telling what of an answer can be compared.
 * @returns both answers; null when both failed, in the same way
 */
export async function ask<T>(
  world: World,
  by: Process,
  call: (sessions: Sessions, side: Side) => Promise<T> | T,
  describe: (answer: T, side: Side) => unknown,
): Promise<Pair<T> | null> {
  const outcomes: Outcome<T>[] = []
  for (const side of SIDES)
    outcomes.push(await outcome(world, side, () => call(world.process(side, by), side)))
  const seen = outcomes.map((given, index) =>
    'failed' in given ? given : { value: describe(given.value, SIDES[index as Side]) },
  )
  expect(seen[1], 'answer').toEqual(seen[0])
  const [memory, postgres] = outcomes
  return 'value' in memory! && 'value' in postgres! ? [memory.value, postgres.value] : null
}

async function outcome<T>(world: World, side: Side, call: () => Promise<T> | T): Promise<Outcome<T>> {
  try {
    return { value: await call() }
  } catch (error) {
    if (isSessionsError(error)) return { failed: world.plain(side, error) }
    if (error instanceof TypeError) return { failed: { error: error.message } }
    throw error
  }
}
