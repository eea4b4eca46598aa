import type { Browser } from './browser.ts'
import type { Database } from './database.ts'
import type { Fleet } from './fleet.ts'
import { inTurns } from './in-turns.ts'

export interface RestoreFigures {
  /** Sessions alive right before the restore, each held by a client. */
  readonly alive: number
  /** Of these, how many go on without a new login. */
  readonly wentOn: number
  /** Created after the copy: gone, as the protocol says. */
  readonly createdSince: number
  /** Known to the copy, and yet over: a broken promise. */
  readonly loggedOut: number
  /** Gone from the copy, and yet alive: cannot be. */
  readonly cameBack: number
  readonly unanswered: number
  /** Ended since the copy and alive again: what an operator revokes after a restore. */
  readonly undead: number
  /** Generations the rows that went on had gone back by. */
  readonly generationsBack: { readonly max: number; readonly total: number }
}

interface Row {
  readonly id: string
  readonly generation: number
  readonly alive: boolean
}

const ROWS = 'select id, generation, ended_at is null as alive from pawl.sessions'

/** Puts the database back to the copy taken in the middle of the storm, and asks every client to go on. */
export async function restoreAndCount(
  database: Database,
  fleet: Fleet,
  browsers: readonly Browser[],
  stopped: AbortSignal,
  say: (text: string) => void,
): Promise<RestoreFigures> {
  say('restores the copy of the data taken earlier')
  const before = await rowsOf(database)
  await database.restore()
  // Whoever restores a database takes the application down with it.
  await fleet.restart()
  const copy = await rowsOf(database)
  const figures = { alive: 0, wentOn: 0, createdSince: 0, loggedOut: 0, cameBack: 0, unanswered: 0 }
  const generationsBack = { max: 0, total: 0 }

  await inTurns(
    browsers.filter(({ signedIn }) => signedIn),
    stopped,
    async (browser) => {
      const id = browser.sessionId
      if (id === null || before.get(id)?.alive !== true) return
      figures.alive++
      const known = copy.get(id)
      const result = await browser.stillWorks()
      if (result === 'no answer') figures.unanswered++
      else if (known?.alive === true) {
        figures[result === 'works' ? 'wentOn' : 'loggedOut']++
        const back = before.get(id)!.generation - known.generation
        generationsBack.max = Math.max(generationsBack.max, back)
        generationsBack.total += back
      } else figures[result === 'works' ? 'cameBack' : 'createdSince']++
    },
  )
  const undead = [...copy.values()].filter(({ id, alive }) => alive && before.get(id)?.alive === false).length
  return { ...figures, undead, generationsBack }
}

async function rowsOf(database: Database): Promise<Map<string, Row>> {
  return new Map((await database.query<Row>(ROWS)).map((row) => [row.id, row]))
}
