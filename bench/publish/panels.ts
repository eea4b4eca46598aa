import type { Figure } from '../harness/report.ts'

/** What a bar stands for. */
export type Kind = 'pawl' | 'other' | 'limit'

export interface Bar {
  readonly label: string
  readonly kind: Kind
  readonly value: number
}

/** One comparison, with a scale of its own. */
export interface Panel {
  readonly title: string
  /** What is counted. */
  readonly note: string
  readonly better: 'less' | 'more'
  readonly bars: readonly Bar[]
  readonly unit: 'ns' | 'µs' | '%' | '/s' | 'B'
  /** Where the scale ends at the least. */
  readonly full?: number
}

type Given = Omit<Panel, 'bars'> & {
  /** How many of the panel's unit make one of the figures'. */
  readonly scale: number
  readonly bars: readonly (readonly [label: string, id: string, kind: Kind])[]
}

const PANELS: readonly Given[] = [
  {
    title: 'Verify an access token seen before',
    note: 'nanoseconds',
    better: 'less',
    unit: 'ns',
    scale: 1,
    bars: [
      ['Pawl', 'verify.ns.pawl-seen-before', 'pawl'],
      ['fast-jwt, with its cache', 'verify.ns.fast-jwt-cached', 'other'],
      ['the original', 'verify.ns.the-original', 'other'],
    ],
  },
  {
    title: 'Verify an access token at first sight',
    note: 'microseconds',
    better: 'less',
    unit: 'µs',
    scale: 1 / 1000,
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
    scale: 100,
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
    title: 'A refresh, and the first use of its token',
    note: 'per second, 16 at once, as durable as PostgreSQL comes',
    better: 'more',
    unit: '/s',
    scale: 1,
    bars: [
      ['Pawl', 'write.per-second.pawl-refresh-and-first-use', 'pawl'],
      // One of the two: pgbench where it is installed.
      ['one raw UPDATE, by pgbench', 'write.per-second.pgbench-with-16-clients', 'limit'],
      ['one raw UPDATE, through pg', 'write.per-second.16-connections-of-pg', 'limit'],
      ['the original', 'write.per-second.the-original-refresh-and-first-use', 'other'],
    ],
  },
  {
    title: 'A session on disk',
    note: 'bytes with all indexes, claims of 60 bytes',
    better: 'less',
    unit: 'B',
    scale: 1,
    bars: [
      ['Pawl', 'space.session', 'pawl'],
      ['the original, without index by user', 'space.original', 'other'],
    ],
  },
]

/** The panels that have something to compare; of a run of some suites the others are missing. */
export function panelsOf(figures: readonly Figure[]): Panel[] {
  const values = new Map(figures.map(({ id, value }) => [id, value]))
  return PANELS.map(({ scale, ...panel }) => ({
    ...panel,
    bars: panel.bars.flatMap(([label, id, kind]) => {
      const value = values.get(id)
      return value === undefined || !(value > 0) ? [] : [{ label, kind, value: value * scale }]
    }),
  })).filter(({ bars }) => bars.some(({ kind }) => kind === 'pawl') && bars.length > 1)
}
