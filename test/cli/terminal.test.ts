import { spawn, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { openSessions } from '../support/sessions.ts'
import { built } from './pawl.ts'

/** `script` of util-linux makes a pseudo-terminal. */
const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0

/** Types `answer` at the confirmation prompt. */
async function typing(
  answer: string,
  parameters: string,
  url: string,
): Promise<{ code: number | null; text: string }> {
  const command = `stty cols 60; ${process.execPath} ${await built()} ${parameters}`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TERM: 'xterm',
      DATABASE_URL: url,
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  let text = ''
  let asked = false
  child.stdout.on('data', (chunk) => {
    text += chunk
    if (asked || !text.includes('[y/N]')) return
    asked = true
    child.stdin.write(answer)
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  child.stdin.end()
  return { code, text }
}

describe.skipIf(!hasTerminal)('on a terminal (skipped without `script`)', () => {
  it('names the number of sessions to revoke, and revokes them only after a yes', async () => {
    const url = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: url }) })
    await sessions.create({ userId: 'anna', userAgent: 'a user agent that does not fit' })
    await sessions.create({ userId: 'anna' })
    const revoke = 'sessions revoke --user anna'
    const live = async (): Promise<number> =>
      (await sessions.list('anna')).filter(({ active }) => active).length

    const [no, nothing, interrupted, list] = await Promise.all([
      typing('n\r', revoke, url),
      typing('\r', revoke, url),
      typing('\u0003', revoke, url),
      typing('', 'sessions list --user anna', url),
    ])
    expect([no.code, nothing.code, interrupted.code, list.code]).toEqual([1, 1, 130, 0])
    expect(no.text).toMatch(/Revoke 2 sessions of user 'anna'\?[\s\S]*canceled\. Nothing was changed\./)
    expect(await live()).toBe(2)
    // The line is cut at the right edge of the terminal.
    expect(list.text.split(/\r?\n/).map((line) => line.length)).toContain(60)
    expect(list.text).not.toContain('does not fit')

    const yes = await typing('y\r', revoke, url)
    expect([yes.code, yes.text]).toEqual([0, expect.stringContaining("Revoked 2 sessions of user 'anna'.")])
    expect(await live()).toBe(0)
  })
})
