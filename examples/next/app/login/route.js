import { userNamed } from '../../../page.ts'
import { route } from '../../sessions.ts'

export const POST = route(async (session, request) => {
  const user = userNamed(await request.json())
  if (user === null) return Response.json({ code: 'no_such_user' }, { status: 400 })
  return Response.json(await session.create({ userId: user.id, claims: { name: user.name } }))
})
