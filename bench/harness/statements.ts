import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import type pg from 'pg'
import { aroundQueries } from '../../test/support/pools.ts'

/** A statement of Pawl, to be sent through the bare driver. */
export interface Statement {
  readonly text: string
  valuesFor(sessionId: string, userId: string): unknown[]
}

/** Records the statements of `create` and `revoke`. */
export async function recordStatements(
  pool: pg.Pool,
  secret: Buffer,
  claims: Record<string, string>,
): Promise<{ insert: Statement; update: Statement }> {
  const sent: { text: string; values: unknown[] }[] = []
  const recording = aroundQueries(pool, (config, run) => {
    sent.push(config)
    return run()
  })
  const sessions = await createSessions({ store: postgres({ pool: recording, listen: false }), secret })
  const userId = 'the recorded user'
  const { session } = await sessions.create({ userId, claims })
  await sessions.revoke(session.sessionId)
  await sessions.close()

  const statement = (verb: string): Statement => {
    const found = sent.find(({ text, values }) => text.startsWith(verb) && values.includes(session.sessionId))
    if (found === undefined) throw new Error(`Pawl sent no ${verb} with the session's id`)
    const { text, values } = found
    return {
      text,
      valuesFor: (id, user) =>
        values.map((value) => (value === session.sessionId ? id : value === userId ? user : value)),
    }
  }
  return { insert: statement('insert'), update: statement('update') }
}
