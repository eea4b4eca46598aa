import type { Suite } from '../harness/suite.ts'

interface Entry {
  /** What the suite measures, for the help text. */
  readonly measures: string
  /** How long it takes on two cores. */
  readonly takes: string
  load(): Promise<Suite>
}

/** In running order. Each suite is imported by a process of its own. */
export const SUITES: Readonly<Record<string, Entry>> = {
  verify: {
    measures: 'time to verify an access token, cached and uncached, against fast-jwt and jose',
    takes: '1 min',
    load: async () => (await import('./verify.ts')).verify,
  },
  http: {
    measures: 'requests per second of a protected GET, against servers without sessions and other libraries',
    takes: '4 min',
    load: async () => (await import('./http.ts')).http,
  },
  write: {
    measures: 'refreshes, logins and logouts per second, against bare SQL statements',
    takes: '2 min',
    load: async () => (await import('./write.ts')).write,
  },
  space: {
    measures: 'bytes of a session on disk, and of the write-ahead log',
    takes: '1 min',
    load: async () => (await import('./space.ts')).space,
  },
  growth: {
    measures: 'time of a refresh and of a list with 10,000 to 10,000,000 sessions',
    takes: '4 min',
    load: async () => (await import('./growth.ts')).growth,
  },
  memory: {
    measures: 'memory of the revocation table and of the token cache',
    takes: '1 min',
    load: async () => (await import('./memory.ts')).memory,
  },
  cookies: {
    measures: 'bytes of the Cookie header, against other libraries',
    takes: '5 s',
    load: async () => (await import('./cookies.ts')).cookies,
  },
  counts: {
    measures: 'statements, rows and write-ahead log of each call',
    takes: '10 s',
    load: async () => (await import('./counts.ts')).counts,
  },
  feed: {
    measures: 'delay from a revocation in one process to the refusal in three others',
    takes: '1 min',
    load: async () => (await import('./feed.ts')).feed,
  },
}
