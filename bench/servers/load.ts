import autocannon from 'autocannon'

/** What the load is told to do; one at a time. */
export interface Load {
  readonly url: string
  readonly connections: number
  /** Seconds. */
  readonly duration: number
  readonly headers: Record<string, string>
  readonly body: string
}

export interface Loaded {
  readonly perSecond: number
  readonly failed: number
}

process.on('message', ({ body, ...load }: Load) => {
  // Every answer is compared, so that nobody is quick by answering something else.
  autocannon({ ...load, expectBody: body }, (error, result) => {
    if (error) throw error
    process.send!({
      perSecond: result.requests.total / result.duration,
      failed: result.errors + result.timeouts + result.non2xx + result.mismatches,
    } satisfies Loaded)
  })
})
process.once('disconnect', () => process.exit())
