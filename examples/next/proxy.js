// biome-ignore-all lint/style/noDefaultExport: Next asks for it

import { proxy } from './sessions.ts'

export default proxy()
