import type { Browser } from './browser.ts'
import type { Database } from './database.ts'
import type { Fleet } from './fleet.ts'
import { inTurns } from './in-turns.ts'

export interface RestoreFigures {
  /** Sessions of clients that were active right before the restore. */
  readonly alive: number
  /** Sessions of these that work without a new login. */
  readonly wentOn: number
  /** Created after the copy, so the restore lost them, as expected. */
  readonly createdSince: number
  /** In the copy, but logged out: a broken guarantee. */
  readonly loggedOut: number
  /** Not in the copy, but working: a broken guarantee. */
  readonly cameBack: number
  readonly unanswered: number
  /** Ended after the copy, so active again: an operator must revoke these after a restore. */
  readonly undead: number
  /** Generations that the restore took from the working sessions. */
  readonly generationsBack: { readonly max: number; readonly total: number }
}

interface Row {
  readonly id: string
  readonly generation: number
  readonly alive: boolean
}

const ROWS = 'select id, generation, ended_at is null as alive from pawl.sessions'

/** Restores the copy from the middle of the storm, and checks the session of every client. */
export async function restoreAndCount(
  database: Database,
  fleet: Fleet,
  browsers: readonly Browser[],
  stopped: AbortSignal,
  say: (text: string) => void,
): Promise<RestoreFigures> {
  say('restores the copy of the data')
  const before = await rowsOf(database)
  await database.restore()
  // A restore includes a restart of the application.
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
