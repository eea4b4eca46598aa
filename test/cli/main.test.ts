import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function pawl(parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...parameters], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

describe('the command line', () => {
  it('prints a secret that createSessions takes, another one each time', async () => {
    const [first, second] = await Promise.all([pawl(['secret']), pawl(['secret', '--json'])])
    expect(first.code).toBe(0)
    expect(Buffer.from(first.stdout.trim(), 'base64url')).toHaveLength(32)
    expect(JSON.parse(second.stdout)).not.toBe(first.stdout.trim())
  })

  it('migrates once, with the URL as an option or from the environment', async () => {
    const url = await createDatabase()
    expect(JSON.parse((await pawl(['migrate', '--json', '--url', url])).stdout)).toEqual({ applied: [1] })
    expect(JSON.parse((await pawl(['migrate', '--json'], { DATABASE_URL: url })).stdout)).toEqual({
      applied: [],
    })
    const store = postgres({ connectionString: url, migrate: false })
    const sessions = await createSessions({ store, secret: SECRET })
    await sessions.close()
  })

  it('resets the keys only when told twice, and a new secret then starts', async () => {
    const url = await createDatabase()
    const before = await createSessions({ store: postgres({ connectionString: url }), secret: SECRET })
    await before.close()
    const other = { store: postgres({ connectionString: url }), secret: FOREIGN_SECRET }
    await expect(createSessions(other)).rejects.toMatchObject({ code: 'ERR_SECRET_UNKNOWN' })

    expect((await pawl(['keys', 'reset', '--url', url])).code).toBe(2)
    const { code, stdout } = await pawl(['keys', 'reset', '--url', url, '--yes', '--json'])
    expect([code, JSON.parse(stdout)]).toEqual([0, { deleted: 1 }])
    const after = await createSessions({ ...other, store: postgres({ connectionString: url }) })
    await after.close()
  })

  it('exits with 2 for wrong usage and with 1 for a database it cannot reach, without a stack trace', async () => {
    for (const wrong of [[], ['nonsense'], ['migrate'], ['migrate', '--nonsense']]) {
      const { code, stderr } = await pawl(wrong)
      expect(code).toBe(2)
      expect(stderr).not.toMatch(/\n\s+at /)
    }
    const { code, stderr } = await pawl(['migrate', '--url', 'postgres://pawl:hidden@127.0.0.1:1/nowhere'])
    expect(code).toBe(1)
    expect(stderr).toContain('127.0.0.1:1/nowhere')
    expect(stderr).not.toMatch(/hidden|\n\s+at /)
  })

  it('shows its help', async () => {
    const { code, stdout } = await pawl(['--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('npx pawl migrate')
  })
})
