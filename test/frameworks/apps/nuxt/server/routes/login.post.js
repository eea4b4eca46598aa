import { sessionOf } from 'pawl/express'
import { sessions } from '../sessions'

export default defineEventHandler((event) =>
  sessionOf(event.node.req, sessions).create({ userId: 'anna', claims: { role: 'admin' } }),
)
