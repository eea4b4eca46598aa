import { sessionOf } from 'pawl/h3'
import { sessions } from '../sessions'

export default (event) => sessionOf(event, sessions).create({ userId: 'anna', claims: { role: 'admin' } })
