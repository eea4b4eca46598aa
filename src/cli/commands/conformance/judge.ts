import type { Finding, Observation, SeenRequest } from './observation.ts'
import type { ClientAct, Expectation, Protocol } from './scenario.ts'

/** What a client has to wait after `Retry-After: 1`, with some tolerance. In ms. */
const SHORTEST_WAIT = 800

const NO_SESSION = {
  none: {
    wrong: 'Nobody has signed in on the server.',
    advice: 'In the step `sign-in`, send the user as JSON by `POST` to the `url` of the step.',
  },
  ended: {
    wrong:
      'The server has ended the session: the client used an old refresh token after a newer one was in use.',
    advice: 'Keep the newest refresh token, and no copy of an older one.',
  },
} as const

/** Judges one act by what the scenario expects. Pure. */
export function judge(act: ClientAct, observed: Observation, protocol: Protocol): Finding[] {
  if (act.expect === undefined) return []
  const expect = { ...act.expect, ...(protocol === 'fdi' && act.expect.fdi) }
  const found = [
    ...judgeAnswers(act, expect, observed),
    ...judgeRefreshes(expect, observed),
    ...judgeState(expect, observed, protocol),
    ...judgeTraffic(expect, observed, protocol),
  ]
  return found.map(({ wrong, advice }) => ({ wrong, advice: expect.advice ?? advice }))
}

function judgeAnswers(act: ClientAct, expect: Expectation, { report, seen }: Observation): Finding[] {
  const found: Finding[] = []
  const got = report?.answers ?? []
  for (const [index, expected] of (expect.answers ?? []).entries()) {
    const answer = got[index]
    if (answer === expected) continue
    const request = act.do === 'requests' ? act.requests[index] : undefined
    const name = request === undefined ? 'A request in the background' : `${request.method} ${request.path}`
    found.push({
      wrong: `${name} ${outcome(answer)}; ${expected} is right.`,
      advice:
        expected < 300
          ? 'If the answer says `refresh: true`, refresh, repeat the request once with the new access token, and give the application that answer.'
          : 'Give the application the answer of the server as it is.',
    })
  }
  const handled = seen.filter((request) => request.handled).length
  if (expect.handled !== undefined && handled !== expect.handled && found.length === 0)
    found.push({
      wrong: `The application carried out ${counted(handled, 'request')}; ${expect.handled} ${isOrAre(expect.handled)} right.`,
      advice: 'Repeat a request only after a 401, and with the same method and body.',
    })
  return found
}

function outcome(answer: number | undefined): string {
  if (answer === undefined) return 'is missing in the report'
  return answer === 0 ? 'failed without an answer' : `was answered ${answer}`
}

function judgeRefreshes(expect: Expectation, { seen }: Observation): Finding[] {
  if (expect.refreshes === undefined) return []
  const [least, most] = expect.refreshes
  const refreshes = seen.filter(({ kind }) => kind === 'refresh')
  const sent = refreshes.length
  const right = least === most ? `${most} ${isOrAre(most)} right` : `${least} to ${most} are right`
  const wrong = `The client sent ${counted(sent, 'refresh', 'refreshes')}; ${right}.`
  if (sent > most)
    return [
      {
        wrong,
        advice:
          most === 0
            ? 'Refresh only if a 401 of the API says so: its body has `refresh: true` or `refresh: "once"`.'
            : 'Let requests share the refresh under way, and do not repeat a refresh in a loop.',
      },
    ]
  if (sent < least) return [{ wrong, advice: 'Refresh if the body of a 401 has `refresh: true`.' }]
  const isHasty = refreshes.some(
    ({ at }, index) => index > 0 && at - refreshes[index - 1]!.at < SHORTEST_WAIT,
  )
  if (expect.patient && isHasty)
    return [
      {
        wrong: 'The client repeated the refresh at once, although the answer said `Retry-After: 1`.',
        advice: 'Give the request up, or wait as many seconds as `Retry-After` says.',
      },
    ]
  return []
}

function judgeState(expect: Expectation, { report, session }: Observation, protocol: Protocol): Finding[] {
  const found: Finding[] = []
  if (expect.signedIn === true && session !== 'active') return [NO_SESSION[session]]
  if (report !== null && expect.signedIn === true && report.signedIn === false)
    found.push({
      wrong: 'The client says that nobody is signed in, although the session goes on.',
      advice:
        'Sign the user out only if a 401 of the API says so (`refresh: false`), and never after a failed request, a 5xx or a 429.',
    })
  if (report !== null && expect.signedIn === false && report.signedIn !== false)
    found.push({
      wrong: 'The client does not say that the user is signed out, although the server did.',
      advice: 'A 401 with `refresh: false` is the end of the session: tell the application.',
    })
  const { stored } = report ?? {}
  if (protocol !== 'cookie' && typeof stored === 'boolean' && stored !== (expect.stored ?? stored))
    found.push(
      expect.stored
        ? {
            wrong: 'The client has no tokens in its storage, although the session goes on.',
            advice: 'Clear the storage only after a 401 with `refresh: false`, or a sign-out.',
          }
        : {
            wrong: 'The client still has tokens in its storage, although the session has ended.',
            advice: 'Clear the storage when the session has ended.',
          },
    )
  if (protocol === 'bearer' && expect.stored !== undefined && report !== null && stored == null)
    found.push({
      wrong: 'The driver does not report `stored`.',
      advice: 'Report whether the storage holds tokens: true or false.',
    })
  if (expect.ended && session === 'active')
    found.push({
      wrong: 'The session is still active on the server.',
      advice: 'Send the sign-out to the server with the session, and refresh first if the answer is 401.',
    })
  return found
}

function judgeTraffic(expect: Expectation, { seen }: Observation, protocol: Protocol): Finding[] {
  const found: Finding[] = []
  const carries = (request: SeenRequest): boolean => request.hasAccessToken || request.hasRefreshToken
  const dead = seen.find(carries)
  if (expect.withoutTokens && protocol !== 'cookie' && dead !== undefined)
    found.push({
      wrong: `The client sent a token of the ended session with ${nameOf(dead)}.`,
      advice: 'Forget the tokens when the session has ended, in memory and in the storage.',
    })
  const leaked = seen.find((request) => request.kind === 'other origin' && carries(request))
  if (expect.keptFromOthers && leaked !== undefined)
    found.push({
      wrong: `The client sent a token to another origin, with ${nameOf(leaked)}.`,
      advice:
        'Add tokens only to requests whose scheme, host and port are those of the API, and remove them when a redirect leads away.',
    })
  const inUrl = seen.find(({ hasTokenInUrl }) => hasTokenInUrl)
  if (expect.clean && inUrl !== undefined)
    found.push({
      wrong: `The URL of ${nameOf(inUrl)} holds a token.`,
      advice: 'Send tokens in headers and bodies: URLs end up in logs, histories and `Referer` headers.',
    })
  const spread = seen.find(({ kind, hasRefreshToken }) => hasRefreshToken && !/refresh|sign-/.test(kind))
  if (expect.clean && spread !== undefined)
    found.push({
      wrong: `The client sent the refresh token with ${nameOf(spread)}.`,
      advice: 'Send the refresh token to the refresh route and the sign-out alone.',
    })
  return found
}

function nameOf({ method, path, kind }: SeenRequest): string {
  return kind === 'other origin' ? `${method} ${path} there` : `${method} ${path}`
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

function isOrAre(count: number): string {
  return count === 1 ? 'is' : 'are'
}
