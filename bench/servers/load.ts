import autocannon from 'autocannon'

/** What the load is told to do; one at a time. */
export interface Load {
  readonly url: string
  readonly connections: number
  readonly requests: number
  readonly headers: Record<string, string>
  readonly body: string
}

export interface Loaded {
  readonly perSecond: number
  /** Milliseconds from the first connection to the last answer. */
  readonly elapsed: number
  readonly failed: number
}

/** Milliseconds; how often it looks whether all has been answered. */
const LOOKS_EVERY = 10
/** Of each connection: at the beginning not all are open yet, and at the end some have nothing to do any more. */
const NOT_COUNTED = 2

process.on('message', ({ body, requests, ...load }: Load) => {
  const [first, last] = [load.connections * NOT_COUNTED, requests - load.connections * NOT_COUNTED]
  let answered = 0
  const connectedAt = performance.now()
  let startedAt = 0
  let endedAt = 0
  let lastAt = 0
  // Every answer is compared, so that nobody is quick by answering something else.
  autocannon({ ...load, amount: requests, expectBody: body, sampleInt: LOOKS_EVERY }, (error, result) => {
    if (error) throw error
    process.send!({
      perSecond: ((last - first) / (endedAt - startedAt)) * 1000,
      elapsed: lastAt - connectedAt,
      failed: result.errors + result.timeouts + result.non2xx + result.mismatches,
    } satisfies Loaded)
  }).on('response', () => {
    answered++
    if (answered === first) startedAt = performance.now()
    else if (answered === last) endedAt = performance.now()
    else if (answered === requests) lastAt = performance.now()
  })
})
process.once('disconnect', () => process.exit())
