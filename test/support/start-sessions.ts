import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { SECRET } from './secrets.ts'

// A process of its own: starts on the given database, says which key it signs with, and ends by itself.
const store = postgres({ connectionString: process.argv[2]! })
const sessions = await createSessions({ store, secret: SECRET })
const { session } = await sessions.create({ userId: 'child process' })
console.log(
  JSON.stringify({ sessionId: session.sessionId, kids: sessions.keys.list().map(({ kid }) => kid) }),
)
await sessions.close()
