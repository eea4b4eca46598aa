import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { describeDriver } from './describe-driver.ts'

const pglite = await PGlite.create()
afterAll(() => pglite.close())
const home = await mkdtemp(join(tmpdir(), 'pawl-pglite-'))
afterAll(() => rm(home, { recursive: true, force: true }))

describeDriver('PGlite', {
  options: { pglite },
  listens: true,
  rolledBack: async (work) => {
    await pglite.transaction(async (transaction) => {
      await work(transaction)
      await transaction.rollback()
    })
  },
})

/** Runs the body of a module in a process of its own. @returns the first line that it prints, and how to end it */
async function run(body: string): Promise<{ line: string; kill(): Promise<void> }> {
  const script = `
    import { createSessions } from './src/index.ts'
    import { postgres } from './src/postgres/index.ts'
    const open = (folder) => createSessions({ store: postgres({ pglite: folder }), secret: ${JSON.stringify(SECRET)} })
    ${body}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const closed = once(child, 'close')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await closed
  }
  // After a failure, too: the process would keep the folder from the next tests.
  onTestFinished(kill)
  await Promise.race([closed, once(child.stdout, 'data')])
  return { line: output.split('\n', 1)[0]!, kill }
}

describe('a PGlite folder', { timeout: 120_000 }, () => {
  const folder = join(home, 'new', 'data')

  it('keeps sessions over the death of the process, and serves one process at a time', async () => {
    const first = await run(`
      const sessions = await open(${JSON.stringify(folder)})
      console.log((await sessions.create({ userId: 'anna' })).refreshToken.value)
      setInterval(() => {}, 1000)`)
    const message = `Another process or thread uses the PGlite database in ${folder}, and PGlite allows one. Stop it, or use a PostgreSQL server, which several processes can share.`
    const second = postgres({ pglite: folder })
    await expect(second.start()).rejects.toThrow(message)
    await second.close()
    await first.kill()
    const sessions = await openSessions({ store: postgres({ pglite: folder }) })
    expect((await sessions.refresh(first.line)).session.userId).toBe('anna')
  })

  it('is shared by the stores of a process, and closed by the last of them', async () => {
    const [one, two] = [postgres({ pglite: folder }), postgres({ pglite: `${folder}/`, schema: 'other' })]
    await Promise.all([one.start(), two.start()])
    await one.close()
    expect(await two.time()).not.toBeNull()
    await two.close()
    await one.start()
    expect(await one.time()).not.toBeNull()
    await one.close()
    const other = await run(
      `await open(${JSON.stringify(folder)}).then(() => console.log('opened'), console.log)`,
    )
    await other.kill()
    expect(other.line).toBe('opened')
  })

  it('that cannot be one is refused, and is free afterwards', async () => {
    const file = join(home, 'app', 'main.js')
    await mkdir(join(home, 'app'))
    await writeFile(file, '')
    const refused = async (path: string): Promise<string> => {
      const error = await postgres({ pglite: path })
        .start()
        .catch((thrown: unknown) => thrown)
      expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
      return (error as Error).message
    }
    expect(await refused(file)).toContain(`PGlite cannot open a database in ${file} (EEXIST: `)
    const occupied = `The folder ${join(home, 'app')} has other files and no database of PGlite.`
    expect(await refused(join(home, 'app'))).toContain(occupied)
    expect(await refused(join(home, 'app'))).toContain(occupied)
    await writeFile(join(home, 'app', 'PG_VERSION'), '9.6')
    expect(await refused(join(home, 'app'))).toContain('cannot open a database')
  })
})

it('says that LISTEN works, and not how many processes listen: PGlite does not list them', async () => {
  const store = postgres({ pglite })
  await openSessions({ store })
  const notifications = { listeners: null, releases: null }
  expect(await store.status()).toMatchObject({
    notifications: { ...notifications, working: true },
    unknown: [],
  })
  expect(await store.inspect!.status()).toMatchObject({ notifications, unknown: [] })
})

it('refuses what is no folder, in words', () => {
  const refusal = (options: object): unknown => {
    try {
      return postgres(options)
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(refusal({ pglite: 'postgres://me:secret@db/app' })).toBe(
    'option `pglite` got a URL that begins with postgres://; it takes the path of a folder, or an instance of PGlite. A URL of PostgreSQL is for the option `connectionString`. For a database in memory, give `new PGlite()`',
  )
  expect(refusal({ pool: pglite })).toMatch(
    /^option `pool` got a PGlite, which is for the option `pglite`; it takes/,
  )
  expect(refusal({ pglite: new Map() })).toMatch(/^option `pglite` got an instance of Map; it takes/)
  expect(refusal({ pglite, listen: 'postgres://db/app' })).toMatch(/^option `listen` got .* with `pglite`/)
})
