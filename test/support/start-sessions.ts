import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { SECRET } from './secrets.ts'

// Runs as a child process: creates a session on the given database, prints its id and the key ids, and exits.
const store = postgres({ connectionString: process.argv[2]! })
const sessions = await createSessions({ store, secret: SECRET })
const { session } = await sessions.create({ userId: 'child process' })
console.log(
  JSON.stringify({ sessionId: session.sessionId, kids: sessions.keys.list().map(({ kid }) => kid) }),
)
await sessions.close()
