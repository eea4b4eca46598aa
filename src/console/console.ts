import type { Sessions } from '../core/api.ts'
import { ENGINE } from '../core/engine.ts'
import { reportThrown } from '../core/observability/events.ts'
import { openSource, type SessionsSource } from '../core/start/sessions-source.ts'
import type { Exchange, Header, Reply } from '../http/exchange.ts'
import { isOfHost } from '../http/origin.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { isSessionId } from '../portable/session-id.ts'
import { askAccess, type ConsoleAccess } from './access.ts'
import { interrupted, notBegun, planOf, resultText, type Target, targetOf } from './actions.ts'
import { activityOf } from './activity.ts'
import { SCRIPT } from './assets/script.ts'
import { STYLES } from './assets/styles.ts'
import { isOutage } from './bounded.ts'
import type { ConsoleOptions, ResolvedConsoleOptions } from './console-options.ts'
import { html } from './html.ts'
import { layout } from './layout.ts'
import { CONSOLE_OPTIONS } from './option-table.ts'
import { confirmPage, impossiblePage } from './pages/action.ts'
import { historyPage } from './pages/history.ts'
import { outagePage, readOnlyPage, unknownPage } from './pages/messages.ts'
import { liveFigures, overviewPage } from './pages/overview.ts'
import { reuseFile, reusePage } from './pages/reuse.ts'
import { sessionPage } from './pages/session.ts'
import { userPage } from './pages/user.ts'
import { usersPage } from './pages/users.ts'
import { plainReply, redirect, refusal, reply } from './replies.ts'
import { createNotice, isAsked, readNotice, signQuestion } from './signed.ts'
import type { Page, Redirect, View } from './view.ts'

/** A request to the console, in terms that every framework can be mapped to. */
export interface ConsoleRequest {
  readonly exchange: Exchange
  /** The request of the framework, for `authorize`. */
  readonly incoming: unknown
  /** The last argument of the call, for `authorize`. */
  readonly context: unknown
  /** The path that a router has removed from the path of the request; `null` for none. */
  readonly mountedAt: string | null
}

/** Answers every request that the framework passes on. It never rejects. */
export type AnswerRequest = (request: ConsoleRequest) => Promise<Reply>

/** A path that begins a link. Two slashes would name another host. */
const BASE = /^(?:\/[^/\\?#]+)*$/

/** @throws InvalidOptionsError */
export function createConsole<Claims extends object, Data, Incoming, Context>(
  source: SessionsSource<Claims, Data>,
  given: ConsoleOptions<Incoming, Claims, Data, Context>,
): AnswerRequest {
  const options = resolveTable<ResolvedConsoleOptions>(CONSOLE_OPTIONS, given)
  const opened = openSource(source, 'sessionsConsole')
  const isReady = ENGINE in opened
  // Counting begins now, not with the first look.
  if (isReady) activityOf(opened[ENGINE])

  async function viewOf(request: ConsoleRequest, access: Required<ConsoleAccess>): Promise<Located | null> {
    const place = placeOf(request, options.path)
    if (place === null) return null
    const sessions = (isReady ? opened : await opened.get()) as unknown as Sessions
    const engine = sessions[ENGINE]
    const view: View = {
      sessions,
      engine,
      activity: activityOf(engine),
      actor: access.actor,
      mayAct: !access.readOnly && engine.store.readOnly !== true,
      base: place.base,
      query: place.query,
      now: engine.clock.now(),
      redact: options.redact,
      ofCommand: options.ofCommand,
    }
    return { view, path: place.path }
  }

  return async (request) => {
    const access = await askAccess(options.authorize, request.incoming, request.context)
    if ('refused' in access) return refusal(access.refused)
    let located: Located | null = null
    try {
      located = await viewOf(request, access)
      return located === null ? NOT_FOUND : await route(located, request.exchange)
    } catch (error) {
      if (isOutage(error))
        return located === null ? UNAVAILABLE : show(located, outagePage(error), RETRY_LATER)
      reportThrown('the console', error)
      return plainReply(500, 'This page failed', 'The log of the application says why.')
    }
  }
}

const RETRY_LATER: readonly Header[] = [['retry-after', '5']]
const NOT_FOUND: Reply = plainReply(404, 'No such page', 'The console has no page at this address.')
/** Before the sessions could be made. */
const UNAVAILABLE: Reply = plainReply(
  503,
  'The database does not answer',
  'Try again in a moment.',
  RETRY_LATER,
)

interface Located {
  readonly view: View
  /** Below the path of the console: `/users`. */
  readonly path: string
}

async function route(located: Located, exchange: Exchange): Promise<Reply> {
  const { view, path } = located
  const { method } = exchange
  const action = /^\/actions\/([a-z-]{1,20})$/.exec(path)?.[1]
  if (method === 'POST' && action !== undefined) return act(located, exchange, action)
  if (method !== 'GET' && method !== 'HEAD')
    return reply(405, 'text/plain; charset=utf-8', 'Method not allowed\n', [
      ['allow', action === undefined ? 'GET, HEAD' : 'GET, HEAD, POST'],
    ])
  if (path === '/console.css') return reply(200, 'text/css; charset=utf-8', STYLES)
  if (path === '/console.js') return reply(200, 'text/javascript; charset=utf-8', SCRIPT)
  if (path === '/live.json') return reply(200, 'application/json', JSON.stringify(liveFigures(view)))
  if (action !== undefined) return ask(located, action)
  const { inspect } = view.engine.store
  if (inspect !== undefined && (path === '/reuse.csv' || path === '/reuse.json')) {
    const file = await reuseFile(view, inspect, path === '/reuse.csv' ? 'csv' : 'json')
    return reply(200, file.type, file.body, [['content-disposition', `attachment; filename="${file.name}"`]])
  }
  const page = await pageOf(view, path)
  return show(located, page ?? unknownPage())
}

async function pageOf(view: View, path: string): Promise<Page | Redirect | null> {
  const { inspect } = view.engine.store
  const sessionId = /^\/sessions\/([^/]+)$/.exec(path)?.[1]
  if (sessionId !== undefined) return isSessionId(sessionId) ? sessionPage(view, sessionId) : null
  switch (path) {
    case '/':
      return overviewPage(view)
    case '/users':
      return usersPage(view)
    case '/user':
      return userPage(view)
    case '/reuse':
      return inspect === undefined ? null : reusePage(view, inspect)
    case '/history':
      return inspect?.history === undefined ? null : historyPage(view, inspect.history)
    default:
      return null
  }
}

/** Asks before an action. */
async function ask(located: Located, name: string): Promise<Reply> {
  const { view } = located
  const target = targetOf(view, name)
  if (target === null) return show(located, unknownPage())
  if (!view.mayAct) return show(located, readOnlyPage())
  if (!('action' in target)) return show(located, impossiblePage(target))
  const plan = await planOf(view, target)
  if (!('run' in plan)) return show(located, impossiblePage(plan))
  const { actor, now, query } = view
  const signature = signQuestion(view.engine.options.secrets, { ...target, actor }, now)
  return show(located, await confirmPage(plan, addressOf(located, signature), query.get(ASKED) === ''))
}

/** The parameter that proves that the console has asked. Empty: it asks again, after a form that proved nothing. */
const ASKED = 'ask'

/** The address of an action, with its parameters. */
function addressOf({ view, path }: Located, signature: string): string {
  const query = new URLSearchParams(view.query)
  query.set(ASKED, signature)
  return `${view.base}${path}?${query}`
}

/** Does it. The parameters are those of the address. Without a signature of {@link ask}, it asks. */
async function act(located: Located, exchange: Exchange, name: string): Promise<Reply> {
  const { view } = located
  if (!isOwnForm(exchange))
    return plainReply(403, 'This request was refused', 'It does not come from a page of this console.')
  const target = targetOf(view, name)
  if (target === null) return show(located, unknownPage())
  if (!view.mayAct) return show(located, readOnlyPage())
  if (!('action' in target)) return show(located, impossiblePage(target))
  const { engine, actor, now } = view
  const { secrets } = engine.options
  if (!isAsked(secrets, { ...target, actor }, view.query.get(ASKED) ?? '', now))
    return redirect(addressOf(located, ''))
  const tell = ({ action, sessionId, userId }: Target, sessions: number | null): void =>
    engine.events.emit('consoleAction', { action, actor, sessionId, userId, sessions })

  const plan = await planOf(view, target).catch((error: unknown) => {
    tell(target, 0)
    if (!isOutage(error)) throw error
    return notBegun(view, target, error)
  })
  if (!('run' in plan)) return show(located, impossiblePage(plan))
  const { action, back } = plan
  try {
    const result = await plan.run()
    tell(plan, action === 'rotate-keys' ? 0 : result)
    const notice = createNotice(secrets, back, { action, result }, now)
    return redirect(`${back}${back.includes('?') ? '&' : '?'}done=${notice}`)
  } catch (error) {
    tell(plan, null)
    if (!isOutage(error)) throw error
    return show(located, impossiblePage(interrupted(plan)))
  }
}

/**
 * Whether a page of this origin sent the request. Browsers alone use the console, and each of them says where a form comes from.
 * `Sec-Fetch-Site` decides, because a proxy may replace `Host`. The signature of the form does the rest.
 */
function isOwnForm(exchange: Exchange): boolean {
  const site = exchange.header('sec-fetch-site')
  if (site !== undefined && site !== '') return site === 'same-origin'
  const origin = exchange.header('origin')
  return origin !== undefined && isOfHost(origin, exchange.header('host'))
}

function show(located: Located, page: Page | Redirect, headers: readonly Header[] = []): Reply {
  if ('location' in page) return redirect(page.location)
  const { view, path } = located
  const shownAt =
    view.base + path + (path === '/user' ? `?id=${encodeURIComponent(view.query.get('id') ?? '')}` : '')
  const done = readNotice(view.engine.options.secrets, shownAt, view.query.get('done'), view.now)
  const notice =
    done === null ? null : html`<p class="notice" role="status">${resultText(done.action, done.result)}</p>`
  return reply(page.status ?? 200, 'text/html; charset=utf-8', layout(view, page, notice), headers)
}

interface Place {
  readonly base: string
  readonly path: string
  readonly query: URLSearchParams
}

/** Where the console is, and what of it is asked for; `null` for a path that is not below it. */
function placeOf({ exchange: { target }, mountedAt }: ConsoleRequest, configured: string): Place | null {
  const address = target.startsWith('/') ? `http://console${target}` : target
  if (!URL.canParse(address)) return null
  const url = new URL(address)
  const base = mountedAt ?? (configured === '/' ? '' : configured)
  if (!BASE.test(base) || !`${url.pathname}/`.startsWith(`${base}/`)) return null
  const path = url.pathname.slice(base.length)
  return { base, path: path === '' ? '/' : path, query: url.searchParams }
}
