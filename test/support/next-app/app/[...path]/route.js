import { applicationOf } from '../../application.js'

const answer = (request, context) => applicationOf(request.headers).answer(request, context)

export { answer as GET, answer as OPTIONS, answer as POST }
