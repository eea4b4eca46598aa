import type { ProcessFacts } from '../../../core/doctor/process-facts.ts'
import { readableKeys } from '../../../core/keys/readable-keys.ts'
import { deriveSecrets } from '../../../core/keys/secrets.ts'
import type { PostgresStore } from '../../../postgres/index.ts'
import { applicationSecrets } from '../../database.ts'

/** What the command knows besides the state of the database. Its own LISTEN is part of that. */
export async function readFacts(store: PostgresStore, at: Date): Promise<ProcessFacts> {
  const given = applicationSecrets()
  const secrets = given.length === 0 ? null : deriveSecrets(given, store.realm)
  const [skew, rows] = await Promise.all([
    readSkew(store),
    // The status says why it cannot be read.
    secrets === null ? null : store.keys().catch(() => null),
  ])
  return {
    at: at.getTime(),
    skew,
    keys: rows === null ? null : readableKeys(rows, secrets!, store.realm),
    listenProblem: null,
  }
}

/** Half of the round trip may be an error, and a slow one says nothing. */
async function readSkew(store: PostgresStore): Promise<number | null> {
  const before = Date.now()
  const time = await store.time().catch(() => null)
  return time === null ? null : time - (before + Date.now()) / 2
}
