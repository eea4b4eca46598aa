import { isProduction } from '../core/environment.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { oncePerEngine } from './once-per-engine.ts'
import { warnOfSetting } from './setting-warnings.ts'

/** A path that may stand in a log line: clients choose a part of it if the application mounts on a parameter. */
const PRINTABLE_PATH = /^(?=.{1,100}$)(?:\/[\w.~-]+)+$/

const isFirst = oncePerEngine()

/**
 * Warns once of a sign-in through an adapter that is mounted below a path without the refresh route, outside of production.
 * The user is signed out when the access token expires.
 */
export function warnOfUnservedRefresh<Claims extends object, Data>({
  engine,
  exchange,
  options,
  path,
  conversation,
}: IncomingRequest<Claims, Data>): void {
  const { mountPath = '' } = exchange
  if (mountPath === '' || options.inline || conversation !== null || isProduction()) return
  // Express reports the whole path for a mount with a wildcard.
  if (mountPath === path || `${options.path}/`.startsWith(`${mountPath}/`)) return
  if (!PRINTABLE_PATH.test(mountPath) || !isFirst(engine)) return
  warnOfSetting(
    engine,
    'refreshUnserved',
    `Nobody can refresh, because the adapter is mounted at ${mountPath} and gets no request for ${options.path}/refresh. Set its option \`path\` to '${mountPath}/session', and that of the client. If you mount the adapter at ${options.path} too, ignore this warning.`,
  )
}
