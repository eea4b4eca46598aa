import { setImmediate } from 'node:timers'
import { StoreUnavailableError } from '../portable/errors.ts'

/**
 * Longer lists are split, so that Pawl works on some rows while PostgreSQL is busy with others. With 16 logins at
 * once eight made 8,100 a second, four 7,200 and sixteen 6,200; of refreshes 10,500, 8,500 and 6,500.
 */
const MOST = 8

interface Waiting<Asked, Answer> {
  readonly asked: Asked
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Does by one statement all that is asked for in one turn of the event loop: most of a small statement is
 * sending it and taking its answer apart. Nobody gets an answer to a question that was asked before theirs.
 * What the database refuses of many is asked for one by one, so that nobody fails with another's.
 *
 * @param one for what nobody shares the turn with
 * @param many answers in the order in which they were asked; all or nothing
 */
export function gather<Asked, Answer>(
  one: (asked: Asked) => Promise<Answer>,
  many: (asked: Asked[]) => Promise<Answer[]>,
): (asked: Asked) => Promise<Answer> {
  let waiting: Waiting<Asked, Answer>[] = []

  function send(): void {
    const all = waiting
    waiting = []
    for (let from = 0; from < all.length; from += MOST) void answer(all.slice(from, from + MOST))
  }

  async function answer(together: readonly Waiting<Asked, Answer>[]): Promise<void> {
    if (together.length === 1) return alone(together[0]!)
    try {
      const answers = await many(together.map(({ asked }) => asked))
      for (const [index, { resolve }] of together.entries()) resolve(answers[index]!)
    } catch (error) {
      // Nobody is there to ask again.
      if (error instanceof StoreUnavailableError) for (const { reject } of together) reject(error)
      else for (const each of together) void alone(each)
    }
  }

  const alone = ({ asked, resolve, reject }: Waiting<Asked, Answer>): Promise<void> =>
    one(asked).then(resolve, reject)

  return (asked) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(send)
      waiting.push({ asked, resolve, reject })
    })
}
