import type { Exchange } from '../http/exchange.ts'
import { isHandshake, pathOf } from '../http/incoming-request.ts'
import { JWKS_PATH, routePath, routePaths } from '../http/routes.ts'

/** A route of the protocol that Pawl serves. */
export type Route = 'refresh' | 'signout' | 'jwks'

const POSTS: Readonly<Record<string, Route>> = { '/session/refresh': 'refresh', '/signout': 'signout' }
const JWKS = '/jwt/jwks.json'

/** Where Pawl serves the same by its own protocol. @param path the option `path` */
export function ownTarget(route: Route, path: string): string {
  if (route === 'jwks') return JWKS_PATH
  return routePath(path, route === 'refresh' ? 'refresh' : 'logout')
}

/** @param base the path of the protocol's routes, empty for the root */
export function routeOf(exchange: Exchange, base: string): Route | null {
  const path = pathOf(exchange.target).replace(/(?<=.)\/$/, '')
  if (!path.startsWith(`${base}/`) || isHandshake(exchange)) return null
  const rest = path.slice(base.length)
  if (exchange.method === 'POST') return Object.hasOwn(POSTS, rest) ? POSTS[rest]! : null
  return rest === JWKS && (exchange.method === 'GET' || exchange.method === 'HEAD') ? 'jwks' : null
}

/** The paths of the protocol's routes. */
export function fdiPaths(base: string): string[] {
  return [...Object.keys(POSTS), JWKS].map((path) => base + path)
}

/** Whether Pawl's own protocol has a route at the path of a request. */
export function isOwnRoute(exchange: Exchange, path: string): boolean {
  return routePaths(path).includes(pathOf(exchange.target))
}
