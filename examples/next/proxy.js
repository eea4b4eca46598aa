// biome-ignore-all lint/style/noDefaultExport: required by Next

import { proxy } from './sessions.ts'

export default proxy()

// Every path except static files.
export const config = { matcher: '/((?!_next/|.*\\.\\w+$).*)' }
