import type { RefreshFate, Scenario } from '../scenario.ts'
import { expire, signIn, succeeds, survives } from './acts.ts'

/** A refresh fails once, and nothing of it is the end of the session. */
function failing(
  name: string,
  summary: string,
  are: RefreshFate,
  advice: string,
  more: Partial<Scenario> = {},
): Scenario {
  return {
    name,
    summary,
    acts: [
      signIn,
      expire,
      { kit: 'refreshes', are },
      survives({ refreshes: [1, 4], handled: 0, advice }),
      { kit: 'refreshes', are: 'served' },
      // A client may keep the pause that a 503 asked for.
      { kit: 'pause', ms: are === 'unavailable' ? 1100 : 0 },
      succeeds({ refreshes: [1, 2] }),
      expire,
      succeeds({ refreshes: [1, 1] }),
    ],
    ...more,
  }
}

const IS_NO_END =
  'Keep the tokens, fail the request as without a network, and refresh again with the next request. Repeat the refresh a few times at most.'

/** The network and the server fail. */
export const FAILURES: readonly Scenario[] = [
  failing(
    'lost-answer',
    'the server carries out a refresh, and its answer is lost',
    'answer-lost',
    IS_NO_END,
  ),
  failing('lost-request', 'a refresh is lost on its way to the server', 'request-lost', IS_NO_END),
  failing('wifi-login', 'the sign-in page of a public network answers a refresh', 'sign-in page', IS_NO_END),
  failing(
    'proxy-401',
    'a proxy answers a refresh with a 401 of its own',
    'refused by proxy',
    'Decide by `code` and `refresh` in the body, not by the status. A 401 without them is a failure of the network.',
    { protocols: ['bearer', 'cookie'] },
  ),
  {
    name: 'unavailable',
    summary: 'the server answers a refresh with 503 and `Retry-After: 1`',
    acts: [
      signIn,
      expire,
      { kit: 'refreshes', are: 'unavailable' },
      survives({ refreshes: [1, 4], patient: true, handled: 0 }),
      { kit: 'refreshes', are: 'served' },
      { kit: 'pause', ms: 1100 },
      succeeds({ refreshes: [1, 2] }),
    ],
  },
  {
    name: 'still-refused',
    summary: 'the server answers each refresh with tokens, and refuses the request nevertheless',
    acts: [
      signIn,
      { kit: 'requests', are: 'refused' },
      survives({
        answers: [401],
        refreshes: [1, 2],
        // The clients of SuperTokens repeat a request ten times, and then it fails.
        fdi: { answers: [], refreshes: [1, 10] },
        advice: 'Repeat a request once. If it is refused again, give the application the 401.',
      }),
      { kit: 'requests', are: 'served' },
      succeeds(),
    ],
  },
  {
    name: 'kept-token',
    summary: 'a refresh is answered without a new refresh token: the old one stays valid',
    acts: [
      signIn,
      expire,
      succeeds({ refreshes: [1, 1] }),
      { kit: 'advance', seconds: 1 },
      { kit: 'expire access tokens', user: 'anna' },
      succeeds({ refreshes: [1, 1] }),
      expire,
      succeeds({
        refreshes: [1, 1],
        advice: 'If an answer has no refresh token (`"refreshToken": null`), keep the one that you have.',
      }),
    ],
  },
]
