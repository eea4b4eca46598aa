// biome-ignore-all lint/style/noDefaultExport: Next asks for it

import { applicationOf } from './application.js'

export default function proxy(request, event) {
  return applicationOf(request.headers).runProxy(request, event)
}

export const config = { matcher: ['/page/:path*', '/_next/:path*'] }
