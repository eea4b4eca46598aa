import { type FetchSessions, fetchSessions } from '../../../src/adapters/fetch/index.ts'
import {
  type ClaimsObject,
  createSessions,
  type LazySessions,
  lazySessions,
  type Sessions,
  type VerifiedSession,
} from '../../../src/index.ts'
import { postgres } from '../../../src/postgres/index.ts'
import { silentLogger } from '../logger.ts'
import { SECRET } from '../secrets.ts'
import { database } from './database.ts'

const open = (schema: string): Promise<Sessions> =>
  createSessions({
    store: postgres({ connectionString: database.url, schema }),
    secret: SECRET,
    logger: silentLogger,
  })

type WithSession = FetchSessions<ClaimsObject, unknown, Promise<VerifiedSession | null>>

/** A test loads this module several times, as a dev server does after edits. Two Pawls, and neither has a key. */
export const users: LazySessions = lazySessions(() => open('users'))
export const withUser: WithSession = fetchSessions(users)
export const withAdmin: WithSession = fetchSessions(() => open('admins'))
