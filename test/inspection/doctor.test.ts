import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { diagnose } from '../../src/core/doctor/diagnose.ts'
import type { ProcessFacts } from '../../src/core/doctor/process-facts.ts'
import type { StoreStatus } from '../../src/core/store-status.ts'
import { newerRelease, RELEASE } from '../../src/portable/release.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2030, 0, 1)

type Table = NonNullable<StoreStatus['table']>
type Vacuum = NonNullable<StoreStatus['vacuum']>

const TABLE: Table = {
  bytes: 4e9,
  liveRows: 10_000_000,
  deadRows: 0,
  updates: 1e6,
  hotUpdates: 0.97,
  vacuumedAt: null,
}
const VACUUM: Vacuum = {
  enabled: true,
  threshold: 2_000_050,
  running: false,
  heapBytes: 3e9,
  rowBytes: 270,
  horizon: null,
}
const HEALTHY: StoreStatus = {
  at: new Date(NOW),
  server: { version: 'PostgreSQL 18.4', database: 'app', standby: false },
  schema: { name: 'pawl', applied: [], missing: [], unknown: [], missingRights: null },
  layout: null,
  keys: [],
  sessions: null,
  revocations: 0,
  table: TABLE,
  vacuum: VACUUM,
  notifications: {
    listeners: 2,
    releases: [{ release: RELEASE, processes: 2 }],
    queueUsage: 0,
    working: true,
    problem: null,
  },
  unknown: [],
}
const PROCESS: ProcessFacts = { at: NOW, skew: 20, keys: [], listenProblem: null }

const of = (status: Partial<StoreStatus>, process: Partial<ProcessFacts> = {}): unknown[] =>
  diagnose({ ...HEALTHY, ...status }, { ...PROCESS, ...process }).map(
    ({ id, severity }) => `${severity} ${id}`,
  )
const words = (status: Partial<StoreStatus>, process: Partial<ProcessFacts> = {}): string[] =>
  diagnose({ ...HEALTHY, ...status }, { ...PROCESS, ...process }).map(
    ({ sentence, remedy }) => `${sentence} ${remedy}`,
  )
const horizon = (fields: Partial<NonNullable<Vacuum['horizon']>>): Vacuum => ({
  ...VACUUM,
  horizon: {
    kind: 'transaction',
    name: '4711',
    application: '',
    since: new Date(NOW - 2 * HOUR),
    transactions: 5,
    ...fields,
  },
})

it('finds nothing in a healthy database, and nothing of it while it is away', () => {
  expect(of({})).toStrictEqual([])
  expect(diagnose(null, PROCESS)).toStrictEqual([])
})

describe('the schema', () => {
  it('lacks its tables or a migration, or has a later one that is breaking', () => {
    const schema = HEALTHY.schema
    expect(of({ schema: { ...schema, missing: [1, 2] } })).toStrictEqual(['problem tables-missing'])
    const applied = [{ id: 1, at: new Date(NOW) }]
    expect(words({ schema: { ...schema, applied, missing: [2, 3] } })).toStrictEqual([
      'Migration 2, 3 is missing. Run `npx pawl migrate`.',
    ])
    expect(of({ schema: { ...schema, unknown: [{ id: 9, breaking: true }] } })).toStrictEqual([
      'problem migrations-later',
    ])
    expect(of({ schema: { ...schema, unknown: [{ id: 9, breaking: false }] } })).toStrictEqual([])
  })

  it('lacks a right, and the remedy names who can give it', () => {
    const missingRights =
      'The role "app" may not use the tables in schema "pawl"; have "owner" (the owner of the tables) or a superuser run: grant select on "pawl"."sessions" to "app";'
    expect(diagnose({ ...HEALTHY, schema: { ...HEALTHY.schema, missingRights } }, PROCESS)).toStrictEqual([
      {
        id: 'rights-missing',
        severity: 'problem',
        sentence: 'The role "app" may not use the tables in schema "pawl".',
        remedy:
          'Have "owner" (the owner of the tables) or a superuser run: grant select on "pawl"."sessions" to "app";',
      },
    ])
  })

  it('names parts that failed for the same reason together', () => {
    const failed = (part: 'table' | 'vacuum' | 'keys', text: string): StoreStatus['unknown'][number] => ({
      part,
      why: 'failed',
      words: text,
    })
    const unknown = [
      failed('table', 'no answer in time'),
      failed('vacuum', 'no answer in time'),
      failed('keys', '08006: gone'),
    ]
    expect(words({ unknown })[0]).toMatch(
      /^Pawl could not read the table and the state of VACUUM \(no answer in time\); the keys \(08006: gone\)\. Check /,
    )
    expect(of({ unknown: [{ part: 'sessions', why: 'large', words: null }] })).toStrictEqual([])
  })
})

describe('VACUUM', () => {
  it('is off for the table', () => {
    expect(
      words({ schema: { ...HEALTHY.schema, name: 'My"App' }, vacuum: { ...VACUUM, enabled: false } }),
    ).toStrictEqual([
      'Autovacuum does not work on the table of sessions, so dead rows pile up. Run `alter table "My""App".sessions reset (autovacuum_enabled)`, and set `autovacuum` and `track_counts` to `on`.',
    ])
  })

  it.each([
    [4_000_100, VACUUM, []],
    [4_000_101, VACUUM, ['warning autovacuum-behind']],
    [4_000_101, { ...VACUUM, running: true }, []],
    [10_000_001, { ...VACUUM, running: true }, ['warning autovacuum-behind']],
    [10_000_001, null, ['warning autovacuum-behind']],
  ])('is behind with %d dead rows', (deadRows, vacuum, expected) => {
    expect(of({ table: { ...TABLE, deadRows }, vacuum })).toStrictEqual(expected)
  })

  it('does not matter for fewer than 100,000 dead rows', () => {
    expect(
      of({
        table: { ...TABLE, liveRows: 10, deadRows: 100_000 },
        vacuum: { ...VACUUM, threshold: 52, heapBytes: 1e6 },
      }),
    ).toStrictEqual([])
  })

  it.each([
    [{ since: new Date(NOW - HOUR) }, null],
    [
      {},
      /^The transaction of the connection with process id 4711 has kept VACUUM .* for 2 h\..*pg_terminate_backend\(4711\)/,
    ],
    [{ application: 'psql' }, /process id 4711 \(psql\)/],
    [{ kind: 'prepared', name: "it's" }, /^The prepared transaction it's .*`rollback prepared 'it''s'`/],
    [{ kind: 'slot', name: 'copy', since: null }, null],
    [
      { kind: 'slot', name: 'copy', since: null, transactions: 10_000_001 },
      /^The replication slot copy .* for 10,000,001 transactions\./,
    ],
    [
      { kind: 'standby', name: '10.0.0.2', since: null, transactions: 1e8 },
      /^A query on the standby 10\.0\.0\.2 /,
    ],
  ] as const)('is held up by %o', (fields, expected) => {
    const found = words({ vacuum: horizon(fields) })
    if (expected === null) expect(found).toStrictEqual([])
    else expect(found).toStrictEqual([expect.stringMatching(expected)])
  })

  it('waits for an open transaction, which comes first', () => {
    const table = { ...TABLE, deadRows: 5e6 }
    expect(of({ table, vacuum: horizon({}) })).toStrictEqual([
      'warning transaction-open',
      'warning autovacuum-behind',
    ])
    expect(words({ table, vacuum: horizon({}) })[1]).toMatch(/End the open transaction first/)
  })
})

describe('the table', () => {
  it('is bloated at more than four times the size of its rows', () => {
    const vacuum = (heapBytes: number): Vacuum => ({ ...VACUUM, heapBytes })
    const needed = 10_000_000 * 270
    expect(of({ vacuum: vacuum(4 * needed) })).toStrictEqual([])
    expect(words({ vacuum: vacuum(5 * needed) })).toStrictEqual([
      expect.stringMatching(
        /^The table of sessions takes 13 GB for rows of 2\.5 GB\. .*`vacuum full pawl\.sessions`/,
      ),
    ])
    expect(of({ table: { ...TABLE, liveRows: 0 }, vacuum: vacuum(128 * 1024 * 1024 - 1) })).toStrictEqual([])
    expect(of({ vacuum: { ...vacuum(5 * needed), rowBytes: null } })).toStrictEqual([])
  })

  it.each([
    [0.5, 1e6, []],
    [0.49, 1e6, ['note hot-updates-few']],
    [0.49, 99_999, []],
    [null, 0, []],
  ])('has HOT updates: %s of %d', (hotUpdates, updates, expected) => {
    expect(of({ table: { ...TABLE, hotUpdates, updates } })).toStrictEqual(expected)
  })
})

describe('the feed', () => {
  it('has no LISTEN, because of a pooler or for another reason', () => {
    const notifications = { ...HEALTHY.notifications, problem: 'A pooler in transaction mode is in between.' }
    expect(of({ notifications })).toStrictEqual(['warning listen-pooler'])
    expect(of({}, { listenProblem: 'Connection refused.' })).toStrictEqual(['warning listen-fails'])
    expect(words({}, { listenProblem: 'Connection refused.' })).toStrictEqual([
      'LISTEN does not work, so revocations arrive by polling. Connection refused.',
    ])
  })

  it('has a full NOTIFY queue', () => {
    expect(of({ notifications: { ...HEALTHY.notifications, queueUsage: 0.5 } })).toStrictEqual([])
    expect(of({ notifications: { ...HEALTHY.notifications, queueUsage: 0.51 } })).toStrictEqual([
      'warning notify-queue-full',
    ])
  })

  it('has processes of older releases, or the caller is one', () => {
    const releases = (...found: (string | null)[]): StoreStatus['notifications'] => ({
      ...HEALTHY.notifications,
      releases: found.map((release, index) => ({ release, processes: index + 1 })),
    })
    expect(words({ notifications: releases(RELEASE, null) })).toStrictEqual([
      `Processes run an older release of Pawl than ${RELEASE}: a release without a name (2 processes). Two releases work together during a deployment. Update the rest afterwards.`,
    ])
    expect(words({ notifications: releases(RELEASE, '99.0.0') })).toStrictEqual([
      expect.stringContaining(`than 99.0.0: ${RELEASE} (1 process).`),
    ])
    expect(of({ notifications: { ...HEALTHY.notifications, releases: null } })).toStrictEqual([])
  })
})

describe('the process', () => {
  const key = { epoch: 3, kid: 'abc', usable: false, verifiesUntil: null }

  it('has another secret than the processes that made the keys', () => {
    expect(words({}, { keys: [key, { ...key, epoch: 4, kid: 'def', usable: true }] })).toStrictEqual([
      expect.stringMatching(
        /^This `secret` does not decrypt the signing key abc \(epoch 3\): .* has made it\. Give every .* deploy `secret: \[old, new\]` first, then `\[new, old\]`/,
      ),
    ])
    expect(of({}, { keys: [{ ...key, verifiesUntil: new Date(NOW + 1) }] })).toStrictEqual([
      'problem secret-differs',
    ])
    expect(of({}, { keys: [{ ...key, verifiesUntil: new Date(NOW) }] })).toStrictEqual([])
    expect(of({}, { keys: null })).toStrictEqual([])
  })

  it.each([
    [5000, null],
    [5001, /^The clock of this machine is 5 s behind that of the database\./],
    [-200_000, /^The clock of this machine is 3 min ahead of that of the database\./],
    [null, null],
  ])('has a clock that is %s ms off', (skew, expected) => {
    const found = words({}, { skew })
    if (expected === null) expect(found).toStrictEqual([])
    else expect(found).toStrictEqual([expect.stringMatching(expected)])
  })
})

it('puts the worst first', () => {
  expect(
    of(
      { table: { ...TABLE, hotUpdates: 0.1 }, notifications: { ...HEALTHY.notifications, queueUsage: 1 } },
      { keys: [{ epoch: 1, kid: 'a', usable: false, verifiesUntil: null }] },
    ),
  ).toStrictEqual(['problem secret-differs', 'warning notify-queue-full', 'note hot-updates-few'])
})

describe('the release', () => {
  it('is that of package.json', () => {
    expect(RELEASE).toBe(packageJson.version)
  })

  it.each([
    ['0.1.0', '0.2.0', '0.2.0'],
    ['0.10.0', '0.9.9', '0.10.0'],
    ['1.0.0', null, '1.0.0'],
    ['1.0.0', 'what', '1.0.0'],
    ['1.0.0', '1.0.1-beta.1', '1.0.1-beta.1'],
  ])('of %s and %s the later is %s', (one, other, later) => {
    expect(newerRelease(one, other)).toBe(later)
  })
})
