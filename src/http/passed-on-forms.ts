import type { IncomingRequest } from './incoming-request.ts'
import { oncePerEngine } from './once-per-engine.ts'
import { isPageLoad } from './page-load.ts'
import { warnOfSetting } from './setting-warnings.ts'

const isFirst = oncePerEngine()

/** Warns once of a service worker that passes on forms: browsers then call a form of another site one of this origin. */
export function warnOfPassedOnForm<Claims extends object, Data>({
  engine,
  exchange,
  isSafeMethod,
}: IncomingRequest<Claims, Data>): void {
  if (isSafeMethod || exchange.header('sec-fetch-dest') !== 'empty' || !isPageLoad(exchange)) return
  if (!isFirst(engine)) return
  warnOfSetting(
    engine,
    'formPassedOn',
    'A service worker seems to pass on forms. Browsers then say that a form of another site comes from this origin, and the CSRF check lets it pass. Let the worker leave every method but GET alone.',
  )
}
