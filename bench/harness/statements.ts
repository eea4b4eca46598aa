import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import type pg from 'pg'
import { aroundQueries } from '../../test/support/pools.ts'

/** A statement as Pawl sends it. */
export interface Statement {
  readonly text: string
  /** The values for another session, and user. */
  values(sessionId: string, userId: string): unknown[]
}

/** What `create` and `revoke` send, so that the bare driver can be given the same work. */
export async function statementsOf(
  pool: pg.Pool,
  secret: Buffer,
  claims: Record<string, string>,
): Promise<{ insert: Statement; end: Statement }> {
  const sent: { text: string; values: unknown[] }[] = []
  const watched = aroundQueries(pool, (config, run) => {
    sent.push(config)
    return run()
  })
  const store = postgres({ pool: watched, listen: false })
  const sessions = await createSessions({ store, secret })
  const userId = 'the user who is watched'
  const { session } = await sessions.create({ userId, claims })
  await sessions.revoke(session.sessionId)
  await sessions.close()

  const statement = (word: string): Statement => {
    const found = sent.find(({ text, values }) => text.startsWith(word) && values.includes(session.sessionId))
    if (found === undefined) throw new Error(`Pawl sends no ${word} with the session's id any more`)
    const { text, values } = found
    return {
      text,
      values: (id, user) =>
        values.map((value) => (value === session.sessionId ? id : value === userId ? user : value)),
    }
  }
  return { insert: statement('insert'), end: statement('update') }
}
