import { redirect } from 'nitro/h3'
import { sessionOf } from 'pawl/h3'
import { sessions } from '../sessions'

export default (event) => {
  const user = sessionOf(event, sessions).current
  return user === null ? redirect('/login') : `<p>role=${user.claims.role}</p>`
}
