import { sessionContext } from '../session-context'

export const action = async ({ context }) =>
  Response.json(await context.get(sessionContext).create({ userId: 'anna', claims: { role: 'admin' } }))
