import { route } from '../../sessions.ts'

export const GET = route(({ userId, claims }) => Response.json({ userId, name: claims.name }), {})
