// biome-ignore-all lint/style/noDefaultExport: Next asks for it

import { proxy } from './sessions.ts'

export default proxy()

// All but files, which are nobody's.
export const config = { matcher: '/((?!_next/|.*\\.\\w+$).*)' }
