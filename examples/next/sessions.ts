import { createSessions } from 'pawl'
import { nextSessions } from 'pawl/next'
import { postgres } from 'pawl/postgres'

const { DATABASE_URL, PAWL_SECRET } = process.env

export const { sessions, route, action, read, proxy, handlers } = nextSessions(
  () =>
    createSessions<{ name: string }>({
      store: postgres({ connectionString: DATABASE_URL! }),
      secret: PAWL_SECRET!,
    }),
  { refresh: 'inline' },
)
