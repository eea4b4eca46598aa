import { redirect } from 'next/navigation'
import { applicationOf } from '../../application.js'

export const POST = (request, context) =>
  applicationOf(request.headers).route(async (session) => {
    await session.create({ userId: 'anna' })
    redirect('/page')
  })(request, context)
