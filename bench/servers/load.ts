import autocannon from 'autocannon'
import { HOST } from './contender.ts'

export interface LoadResult {
  readonly perSecond: number
  /** From the first connection to the last response. */
  readonly elapsedMs: number
}

export const CONNECTIONS = 64
/** Requests at both ends that do not count, because connections open and close meanwhile. */
const UNCOUNTED = 2 * CONNECTIONS
const EXPECTED = /^\{"id":"user-\d+"\}$/

/**
 * Sends `requests` times `GET /me`.
 * @param cookies the connections take turns with these Cookie headers
 * @throws if a response is wrong
 */
export function sendRequests(
  port: number,
  cookies: readonly string[],
  requests: number,
): Promise<LoadResult> {
  let connected = 0
  const options: autocannon.Options = {
    url: `http://127.0.0.1:${port}/me`,
    connections: CONNECTIONS,
    amount: requests,
    setupClient: (client) =>
      client.setHeaders({ host: HOST, cookie: cookies[connected++ % cookies.length]! }),
    verifyBody: (body) => EXPECTED.test(String(body)),
    sampleInt: 10,
  }
  const last = requests - UNCOUNTED
  const connectedAt = performance.now()
  let responses = 0
  let [firstAt, lastAt, endedAt] = [0, 0, 0]
  return new Promise((resolve, reject) => {
    autocannon(options, (error, result) => {
      const failed = error ? requests : result.errors + result.timeouts + result.non2xx + result.mismatches
      if (failed > 0) reject(new Error(`${failed} of ${requests} requests failed`, { cause: error }))
      const perSecond = ((last - UNCOUNTED) / (lastAt - firstAt)) * 1000
      resolve({ perSecond, elapsedMs: endedAt - connectedAt })
    }).on('response', () => {
      responses++
      if (responses === UNCOUNTED) firstAt = performance.now()
      else if (responses === last) lastAt = performance.now()
      else if (responses === requests) endedAt = performance.now()
    })
  })
}
