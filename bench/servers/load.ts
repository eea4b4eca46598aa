import autocannon from 'autocannon'

/** The message that starts a load. */
export interface Load {
  readonly url: string
  readonly connections: number
  readonly requests: number
  readonly headers: Record<string, string>
  /** The expected body of every response. */
  readonly body: string
}

export interface LoadResult {
  readonly perSecond: number
  /** From the first connection to the last response. */
  readonly elapsedMs: number
  readonly failed: number
}

/** Requests per connection that do not count, because connections open and close meanwhile. */
const UNCOUNTED = 2

process.on('message', ({ body, requests, ...load }: Load) => {
  const [first, last] = [load.connections * UNCOUNTED, requests - load.connections * UNCOUNTED]
  let responses = 0
  const connectedAt = performance.now()
  let [firstAt, lastAt, endedAt] = [0, 0, 0]
  const options = { ...load, amount: requests, expectBody: body, sampleInt: 10 }
  autocannon(options, (error, { errors, timeouts, non2xx, mismatches }) => {
    if (error) throw error
    process.send!({
      perSecond: ((last - first) / (lastAt - firstAt)) * 1000,
      elapsedMs: endedAt - connectedAt,
      failed: errors + timeouts + non2xx + mismatches,
    } satisfies LoadResult)
  }).on('response', () => {
    responses++
    if (responses === first) firstAt = performance.now()
    else if (responses === last) lastAt = performance.now()
    else if (responses === requests) endedAt = performance.now()
  })
})
process.once('disconnect', () => process.exit())
