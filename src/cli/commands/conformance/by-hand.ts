import type { Client } from './run.ts'

/** A phone may be slow, and somebody may have to look at it. In ms. */
const PATIENCE = 120_000

/** A client that somebody else starts: an app on a phone, a page in a browser. */
export function waitingClient(onListening: (url: string) => void): Client {
  return {
    patience: PATIENCE,
    start: onListening,
    startAnew: async () => false,
    async stop() {},
  }
}
