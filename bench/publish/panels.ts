import type { Figure } from '../harness/figures.ts'

export type BarKind = 'pawl' | 'other' | 'limit'

export interface Bar {
  readonly label: string
  readonly kind: BarKind
  readonly value: number
}

/** One comparison, with a scale of its own. */
export interface Panel {
  readonly title: string
  readonly note: string
  readonly better: 'less' | 'more'
  readonly bars: readonly Bar[]
  readonly unit: 'ns' | 'µs' | '%' | '/s' | 'B'
  /** The scale ends here, or at the longest bar if that is longer. */
  readonly full?: number
}

type Template = Omit<Panel, 'bars'> & {
  /** Converts the figures to the panel's unit. */
  readonly factor: number
  readonly bars: readonly (readonly [label: string, figureId: string, kind: BarKind])[]
}

const PANELS: readonly Template[] = [
  {
    title: 'Verify a cached access token',
    note: 'nanoseconds',
    better: 'less',
    unit: 'ns',
    factor: 1,
    bars: [
      ['Pawl', 'verify.ns.pawl-seen-before', 'pawl'],
      ['fast-jwt, with its cache', 'verify.ns.fast-jwt-cached', 'other'],
      ['the original', 'verify.ns.the-original', 'other'],
    ],
  },
  {
    title: 'Verify an uncached access token',
    note: 'microseconds',
    better: 'less',
    unit: 'µs',
    factor: 1 / 1000,
    bars: [
      ['Pawl', 'verify.ns.pawl-first-sight-no-cache', 'pawl'],
      ['decode, HMAC, JSON.parse by hand', 'verify.ns.least-possible-work', 'limit'],
      ['fast-jwt, without cache', 'verify.ns.fast-jwt-no-cache', 'other'],
      ['jose', 'verify.ns.jose', 'other'],
    ],
  },
  {
    title: 'A protected GET',
    note: 'requests per second, as a share of the named server without sessions',
    better: 'more',
    unit: '%',
    factor: 100,
    full: 100,
    bars: [
      ['Pawl on Fastify', 'http.pawl-on-fastify', 'pawl'],
      ['Pawl on Express', 'http.pawl-on-express', 'pawl'],
      ['Pawl on node:http', 'http.pawl-on-node-http', 'pawl'],
      ['the original on Express', 'http.the-original', 'other'],
      ['express-session, connect-pg-simple on Express', 'http.express-session-connect-pg-simple', 'other'],
      ['iron-session on node:http', 'http.iron-session', 'other'],
      ['better-auth on node:http', 'http.better-auth', 'other'],
    ],
  },
  {
    title: 'A refresh and the first use of the new token',
    note: 'per second, 16 at once, with default PostgreSQL settings',
    better: 'more',
    unit: '/s',
    factor: 1,
    bars: [
      ['Pawl', 'write.per-second.pawl-refresh-and-first-use', 'pawl'],
      ['one raw UPDATE, by pgbench', 'write.per-second.pgbench-with-16-clients', 'limit'],
      ['the original', 'write.per-second.the-original-refresh-and-first-use', 'other'],
    ],
  },
  {
    title: 'A session on disk',
    note: 'bytes with all indexes, claims of 60 bytes',
    better: 'less',
    unit: 'B',
    factor: 1,
    bars: [
      ['Pawl', 'space.session', 'pawl'],
      ['the original, without index by user', 'space.original', 'other'],
    ],
  },
]

/** Leaves out panels without a figure of Pawl, or with nothing to compare it with. */
export function panelsOf(figures: readonly Figure[]): Panel[] {
  const values = new Map(figures.map(({ id, value }) => [id, value]))
  return PANELS.map(({ factor, ...panel }) => ({
    ...panel,
    bars: panel.bars.flatMap(([label, id, kind]) => {
      const value = values.get(id)
      return value === undefined || !(value > 0) ? [] : [{ label, kind, value: value * factor }]
    }),
  })).filter(({ bars }) => bars.some(({ kind }) => kind === 'pawl') && bars.length > 1)
}
