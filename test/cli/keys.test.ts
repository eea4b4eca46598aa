import { describe, expect, it, vi } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { decodeJwt } from '../support/jwt.ts'
import { silentLogger } from '../support/logger.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { pawl } from './pawl.ts'

const MINUTE = 60_000
const DAY = 86_400_000

interface Key {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly role: string
}

describe('keys', () => {
  it('lists and rotates the keys, and a running process accepts the new key', async () => {
    const url = await createDatabase()
    // The key is old and not of the default algorithm; opening the key ring must not publish another.
    let now = Date.now() - 3 * DAY
    const options = {
      keys: { algorithm: 'ES256', rotationInterval: 30 * 86_400 },
      now: () => now,
    } as const
    const open = () => openSessions({ store: postgres({ connectionString: url }), ...options })
    const running = await open()
    now = Date.now()

    const env = { DATABASE_URL: url, PAWL_SECRET: `${SECRET}, ${FOREIGN_SECRET}` }
    const rotated = await pawl(['keys', 'rotate', '--json'], env)
    const published = rotated.json<Key>()
    expect([rotated.code, published]).toMatchObject([0, { epoch: 2, algorithm: 'ES256' }])

    const listed = await pawl(['keys', 'list', '--json'], { DATABASE_URL: url })
    const { keys } = listed.json<{ keys: Key[] }>()
    expect(keys).toMatchObject([
      { epoch: 2, kid: published.kid, algorithm: 'ES256', role: 'next', verifiesUntil: null },
      { epoch: 1, algorithm: 'ES256', role: 'signs', verifiesUntil: expect.any(String) },
    ])
    expect(listed.stdout).not.toMatch(/wrapped|private/i)
    const people = await pawl(['keys', 'list'], { DATABASE_URL: url })
    expect(people.stdout).toMatch(/^epoch +kid.*\n.*\n2 .*ES256 +next .*\n1 .*ES256 +signs now .*\n$/)

    now += 11 * MINUTE
    const { accessToken } = await (await open()).create({ userId: 'anna' })
    expect(decodeJwt(accessToken.value).header).toMatchObject({ kid: published.kid })
    await vi.waitFor(() => expect(running.verify(accessToken.value).userId).toBe('anna'), 10_000)
  })

  it('counts retired keys, and lists them in JSON', async () => {
    const url = await createDatabase()
    const past = Date.now() - 3 * DAY
    const sessions = await openSessions({ store: postgres({ connectionString: url }), now: () => past })
    await sessions.keys.rotate()
    const { stdout } = await pawl(['keys', 'list'], { DATABASE_URL: url })
    expect(stdout).toMatch(/^epoch .*\n-.*\n2 .* signs now .*\nand 1 retired key\n$/)
    const { keys } = (await pawl(['keys', 'list', '--json'], { DATABASE_URL: url })).json<{ keys: Key[] }>()
    expect(keys.map(({ role }) => role)).toStrictEqual(['signs', 'retired'])
  })

  it('refuses to rotate with a wrong secret, without a secret and without a key', async () => {
    const url = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: url }) })
    const rotate = (secret: string) =>
      pawl(['keys', 'rotate'], { DATABASE_URL: url, ...(secret && { PAWL_SECRET: secret }) })
    const [wrong, poor, missing] = await Promise.all([
      rotate(FOREIGN_SECRET),
      rotate('a passphrase of mine'),
      rotate(''),
    ])
    expect([wrong.code, poor.code, missing.code]).toEqual([1, 1, 2])
    expect(wrong.stderr).toMatch(/^pawl: [^\n]*differs[^\n]*\n$/)
    expect(missing.stderr).toContain('PAWL_SECRET to it; separate several by commas')
    expect(wrong.stderr + poor.stderr).not.toMatch(new RegExp(`${FOREIGN_SECRET}|passphrase of mine`))
    expect(sessions.keys.list()).toHaveLength(1)

    await pawl(['keys', 'reset', '--yes'], { DATABASE_URL: url })
    const none = await rotate(SECRET)
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no signing keys')])
  })

  it('resets the keys only with --yes, and a new secret then starts', async () => {
    const url = await createDatabase()
    const before = await createSessions({
      store: postgres({ connectionString: url }),
      secret: SECRET,
      logger: silentLogger,
    })
    await before.close()
    const other = {
      store: postgres({ connectionString: url }),
      secret: FOREIGN_SECRET,
      logger: silentLogger,
    }
    await expect(createSessions(other)).rejects.toMatchObject({ code: 'ERR_SECRET_UNKNOWN' })

    expect((await pawl(['keys', 'reset', '--url', url])).code).toBe(2)
    const ran = await pawl(['keys', 'reset', '--url', url, '--yes', '--json'])
    expect([ran.code, ran.json()]).toEqual([0, { deleted: 1 }])
    const after = await createSessions({ ...other, store: postgres({ connectionString: url }) })
    await after.close()
  })
})
