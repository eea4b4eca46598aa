import { handlers } from '../../../sessions.ts'

export const { GET, POST } = handlers
