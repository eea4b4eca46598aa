import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createDatabase, createPool } from '../support/database.ts'
import { judgeLosses, judgeRevoked } from './judge.ts'
import type { LoadReport } from './report.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const PG = createRequire(import.meta.url).resolve('pg')
const RUN_TIME = 120_000

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Given {
  readonly url?: string
  readonly at?: readonly string[]
  /** SIGINT follows once the command has printed this. */
  readonly interruptAfter?: string
}

/** Runs the command of `npm run load`. */
function load(flags: string, { url, at = [], interruptAfter }: Given): Promise<Run> {
  const { DATABASE_URL: _url, PAWL_SECRET: _secret, ...env } = process.env
  const given = [...(url === undefined ? [] : ['--url', url]), ...at.flatMap((text) => ['--at', text])]
  const options = [...given, ...flags.split(' ').filter((flag) => flag !== '')]
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', TSX, MAIN, ...options],
      { env, maxBuffer: 16 * 1024 * 1024 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
    child.stdout!.on('data', (text: string) => {
      if (interruptAfter !== undefined && text.includes(interruptAfter)) child.kill('SIGINT')
    })
    // The command cleans up on SIGTERM.
    onTestFinished(() => void child.kill('SIGTERM'))
  })
}

const reportOf = ({ stdout }: Run): LoadReport & { broken: string[] } => JSON.parse(stdout)

/** A command for `--at` that runs statements in one transaction unless they say otherwise, without `psql`. */
function sql(text: string): string {
  const program = `const { Client } = require(${JSON.stringify(PG)})
    const client = new Client({ connectionString: process.env.DATABASE_URL })
    client.connect().then(() => client.query(${JSON.stringify(text)})).then(() => client.end())`
  return `"${process.execPath}" -e "eval(Buffer.from('${Buffer.from(program).toString('base64')}', 'base64').toString())"`
}

/** The test server trusts everybody, so the URL may have any password. */
async function databaseWithPassword(): Promise<string> {
  const url = new URL(await createDatabase())
  url.password ||= 'not-to-be-printed'
  return url.href
}

test('holds when every connection is lost, with the last ends', { timeout: RUN_TIME }, async () => {
  const url = await databaseWithPassword()
  // A process that connects again must not read the ends that are about to be lost.
  const failover = sql(`
    begin; update pawl_load.sessions set ended_at = null, end_reason = null; commit;
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`)
  const run = await load('--seconds 7 --processes 2 --clients 15 --pace 2 --json', {
    url,
    at: [`4:${failover}`, `6:exit 3 # ${url}`],
  })
  const report = reportOf(run)
  expect(report).toMatchObject({
    honestLogouts: [],
    loginsLost: [],
    lost: [],
    revived: [],
    revocationsUnseen: 0,
    crashed: 0,
    rowsRead: true,
    broken: [],
  })
  expect(report.revoked).toBeGreaterThan(0)
  expect(report.worked).toMatchObject({ login: report.sessions, logout: report.revoked })
  expect(report.perSecond.length).toBeGreaterThanOrEqual(7)
  expect(report.recoveries).toMatchObject([
    { seconds: expect.any(Number), failed: null },
    { failed: 'exit code 3' },
  ])
  expect(run.code).toBe(0)
  expect(run.stdout + run.stderr).not.toContain('not-to-be-printed')
  const { rows } = await createPool(url).query("select to_regnamespace('pawl_load') as schema")
  expect(rows).toEqual([{ schema: null }])
})

test('a database that deletes sessions and undoes ends breaks the guarantees', {
  timeout: RUN_TIME,
}, async () => {
  const url = await createDatabase()
  const forget = sql(`
    create function pawl_load.forget_end() returns trigger language plpgsql as
      $$ begin new.ended_at = null; new.end_reason = null; return new; end $$;
    create trigger forget_end before update on pawl_load.sessions
      for each row execute function pawl_load.forget_end();
    delete from pawl_load.sessions
    where id in (select id from pawl_load.sessions where ended_at is null order by created_at limit 3)`)
  const run = await load('--seconds 6 --processes 2 --clients 15 --pace 3 --json --keep', {
    url,
    at: [`2:${forget}`],
  })
  const { honestLogouts, lost, loginsLost, revived, broken } = reportOf(run)
  expect(honestLogouts.map(({ reason }) => reason)).toEqual(['unknown', 'unknown', 'unknown'])
  expect([lost, loginsLost]).toEqual([[], []])
  expect(revived.length).toBeGreaterThan(0)
  expect(revived[0]).toMatchObject({ beforeOutage: null })
  expect(broken).toEqual(['3 honest logouts', `${revived.length} sessions alive that had ended`])
  expect(run.code).toBe(1)
  const { rowCount } = await createPool(url).query('select from pawl_load.sessions where id = any($1)', [
    revived.map(({ sessionId }) => sessionId),
  ])
  expect(rowCount).toBe(revived.length)
})

test('Ctrl-C ends the load with the report so far', { timeout: RUN_TIME }, async () => {
  const url = await createDatabase()
  const run = await load('--processes 1 --clients 5', { url, interruptAfter: 'calls worked' })
  expect(run.code).toBe(130)
  expect(run.stdout).toMatch(/^users: 5, processes: 1, sessions: \d+, revoked: \d+$/m)
  expect(run.stdout).toMatch(/^honest logouts: 0$/m)
  expect(run.stdout).toMatch(/^Every guarantee held\.$/m)
})

test('refuses wrong usage without repeating a password', { timeout: RUN_TIME }, async () => {
  const url = 'postgres://pawl:not-to-be-printed@127.0.0.1:1/postgres'
  const cases: [flags: string, given: Given, message: string][] = [
    ['', {}, 'no database is given. Add --url, or set DATABASE_URL.'],
    ['--seconds 4', { url }, '--seconds takes a whole number from 5 to 3600'],
    ['--processes 17', { url }, '--processes takes a whole number from 1 to 16'],
    ['--clients 0', { url }, '--clients takes a whole number from 1 to 500'],
    ['', { url, at: ['kill'] }, '--at takes <seconds>:<command>'],
    ['', { url, at: ['70:kill'] }, '--at takes a number from 0 to 60'],
    ['', { url: url.replace(':1/', ':1,127.0.0.1:2/') }, '--url names several hosts'],
    ['--schema pg_load', { url }, 'schema'],
    ['--load', { url }, '--load'],
  ]
  for (const [flags, given, message] of cases) {
    const run = await load(flags, given)
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
    expect(run.stderr).not.toContain('not-to-be-printed')
  }
  const { code, stderr } = await load('', { url })
  expect(stderr).toMatch(
    /^load: Cannot reach PostgreSQL at 127\.0\.0\.1:1\/postgres .*Check DATABASE_URL or --url/,
  )
  expect(code).toBe(1)
})

test('only a login answered shortly before an outage may be lost with it', () => {
  const outages = [{ from: 20_000, to: 36_000 }]
  const finding = { at: 37_000, operation: 'refresh', reason: 'unknown', ended: true }
  const { honestLogouts, loginsLost, lost } = judgeLosses(
    [
      { ...finding, sessionId: 'shortly before', loggedInAt: 18_000 },
      { ...finding, sessionId: 'in the outage', loggedInAt: 30_000 },
      {
        ...finding,
        sessionId: 'in a list',
        loggedInAt: 18_000,
        operation: 'list',
        reason: 'unknown',
        ended: false,
      },
      { ...finding, sessionId: 'in a list', loggedInAt: 18_000 },
      { ...finding, sessionId: 'long before', loggedInAt: 14_000 },
      { ...finding, sessionId: 'after it', loggedInAt: 36_500 },
      { ...finding, sessionId: 'found before it', loggedInAt: 18_000, at: 19_000 },
      { ...finding, sessionId: 'ended', loggedInAt: 18_000, reason: 'reuse' },
      { ...finding, sessionId: 'silent', loggedInAt: 18_000, reason: 'no answer', ended: false },
    ],
    outages,
  )
  expect(loginsLost.map(({ sessionId, beforeOutage }) => [sessionId, beforeOutage])).toEqual([
    ['shortly before', 2],
    ['in the outage', 0],
    ['in a list', 2],
  ])
  expect(honestLogouts.map(({ sessionId }) => sessionId)).toEqual([
    'long before',
    'after it',
    'found before it',
    'ended',
  ])
  expect(lost.map(({ sessionId }) => sessionId)).toEqual(['silent'])
  const [revived] = judgeRevoked(
    [
      { sessionId: 'back', at: 12_000 },
      { sessionId: 'over', at: 13_000 },
    ],
    new Set(['back']),
    outages,
  )
  expect(revived).toEqual({ sessionId: 'back', revokedAt: 12, beforeOutage: 8 })
})
