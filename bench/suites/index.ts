/** Duration and subject of each suite, in running order. The suite `x` is the function `x` of `x.ts`. */
export const SUITES: Readonly<Record<string, readonly [duration: string, measures: string]>> = {
  compare: [
    '10 min',
    'requests, renewals, logins, cold starts and memory beside what is used instead of Pawl',
  ],
  verify: [
    '1 min',
    'time to verify an access token, cached and uncached, against fast-jwt, jose and the original',
  ],
  http: ['3 min', 'requests per second of a protected GET, against plain servers'],
  write: ['2 min', 'refreshes, logins and logouts per second, against bare SQL statements and the original'],
  space: ['1 min', 'bytes of a session on disk and in the write-ahead log'],
  growth: ['4 min', 'time of a refresh and of a list among 10,000 to 10,000,000 sessions'],
  console: ['6 min', 'time of each page of the console among 10,000,000 sessions'],
  memory: ['1 min', 'memory per revoked session and per verified access token'],
  start: ['2 min', 'time from the start of a process to its first answer, against other libraries'],
  proofs: ['20 s', 'requests per second with a proof of the device'],
  cookies: ['5 s', 'bytes of the Cookie header, against other libraries'],
  device: ['30 s', 'time that the proof of a device adds to a refresh'],
  counts: ['20 s', 'statements, rows and bytes of write-ahead log of each call'],
  feed: ['1 min', 'delay from a revocation in one process to the refusal in three others'],
  fleet: ['2 min', 'database work of one process that grows with the rest of the fleet'],
}

/** What `--check` runs: those with budgets, and `counts`, whose figures are published beside them. */
export const CHECKED: readonly string[] = [
  'compare',
  'verify',
  'http',
  'write',
  'space',
  'growth',
  'console',
  'memory',
  'cookies',
  'feed',
  'counts',
]
