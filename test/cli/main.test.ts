import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { pawl } from './pawl.ts'

/** No server listens on this port. */
const NOWHERE = 'postgres://pawl:hidden@127.0.0.1:1/nowhere'

describe('the command line', () => {
  it('prints a new secret each time, which createSessions accepts', async () => {
    const [first, second] = await Promise.all([pawl(['secret']), pawl(['secret', '--json'])])
    expect(first.code).toBe(0)
    expect(Buffer.from(first.stdout.trim(), 'base64url')).toHaveLength(32)
    expect(second.json()).not.toBe(first.stdout.trim())
  })

  it('migrates once, with the URL from an option or the environment', async () => {
    const url = await createDatabase()
    expect((await pawl(['migrate', '--json', '--url', url])).json()).toEqual({ applied: [1, 2, 3, 4, 5] })
    expect((await pawl(['migrate', '--json'], { DATABASE_URL: url })).json()).toEqual({ applied: [] })
    const store = postgres({ connectionString: url, migrate: false })
    const sessions = await createSessions({ store, secret: SECRET, logger: silentLogger })
    await sessions.close()
  })

  it('shows help in general, on a group and on a command, and the version', async () => {
    const [all, group, one, version] = await Promise.all([
      pawl(['--help']),
      pawl(['sessions', '--help']),
      pawl(['help', 'sessions', 'revoke']),
      pawl(['--version']),
    ])
    expect([all.code, group.code, one.code, version.code]).toEqual([0, 0, 0, 0])
    expect(all.stdout).toContain('npx pawl migrate')
    expect(group.stdout).toMatch(/sessions list[\s\S]*sessions show[\s\S]*sessions revoke/)
    expect(group.stdout).not.toContain('keys')
    expect(one.stdout).toMatch(/--last-seen-before <time>[\s\S]*Examples:\n {2}npx pawl sessions revoke/)
    expect(version.stdout.trim()).toBe(JSON.parse(await readFile('package.json', 'utf8')).version)
  })

  it('refuses an empty --schema instead of reading the default one', async () => {
    const { code, stderr } = await pawl(['status', '--schema=', '--url', NOWHERE])
    expect([code, stderr]).toEqual([1, expect.stringContaining("option `schema` got ''")])
  })

  it('exits with 2 for wrong usage, and suggests a correction', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /a command is missing/],
      [['migrate'], /Set DATABASE_URL, or add --url\. .*--env-file=\.env node_modules\/\.bin\/pawl/],
      [['sesions', 'list'], /unknown command 'sesions'\. Did you mean `sessions`/],
      [['keys', 'lst'], /Did you mean `keys list`/],
      [['keys'], /list, rotate, reset/],
      [['status', '--jsno'], /Did you mean `--json`/],
      [['status', '--user', 'anna'], /takes no --user/],
      [['sessions', 'list', '--user', '--all'], /--user takes a value/],
    ]
    for (const { ran, says } of await Promise.all(
      wrong.map(async ([parameters, says]) => ({ ran: await pawl(parameters), says })),
    )) {
      expect([ran.code, ran.stdout]).toEqual([2, ''])
      expect(ran.stderr).toMatch(says)
      expect(ran.stderr).not.toMatch(/\n\s+at /)
    }
  })

  it('exits with 1 if the database is unreachable, with a hint but no stack trace or password', async () => {
    for (const ran of await Promise.all([
      pawl(['status', '--json', '--url', NOWHERE]),
      pawl(['sessions', 'list', '--user', 'anna', '--url', NOWHERE]),
      pawl(['status', '--url', NOWHERE.replace('hidden', 'hid@hidden')]),
    ])) {
      expect([ran.code, ran.stdout]).toEqual([1, ''])
      expect(ran.stderr).toContain('127.0.0.1:1/nowhere')
      expect(ran.stderr).toMatch(/connection refused.*Check DATABASE_URL or --url/)
      expect(ran.stderr).not.toMatch(/hidden|\n\s+at /)
    }
    for (const ran of await Promise.all([
      pawl(['status', NOWHERE]),
      pawl(['status', '--url', 'pawl:hidden']),
    ])) {
      expect(ran.code).toBe(2)
      expect(ran.stderr).not.toContain('hidden')
    }
  })
})
