// biome-ignore-all lint/style/noDefaultExport: Next asks for it

import { join } from 'node:path'

const repository = join(import.meta.dirname, '../../..')

export default {
  turbopack: { root: repository },
  outputFileTracingRoot: repository,
  // Compression would add to `Vary`.
  compress: false,
}
