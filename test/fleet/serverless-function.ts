import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'

/** A function that answers one request, whose session has been refreshed, and leaves everything open. */
const sessions = await createSessions({
  store: postgres({ connectionString: process.env['DATABASE_URL']! }),
  secret: process.env['PAWL_SECRET']!,
  serverless: true,
})
const { refreshToken } = await sessions.create({ userId: 'u' })
const { accessToken } = await sessions.refresh(refreshToken.value)
const request = new Request('https://app.example/', {
  headers: { authorization: `Bearer ${accessToken.value}` },
})
const response = await fetchSessions(sessions)(request, (session) => new Response(session.sessionId))
console.log(await response.text())
