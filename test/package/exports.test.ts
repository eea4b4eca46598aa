import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)

/** Every name an entry point offers. A name gone from here breaks someone. */
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  pawl: [
    'AccessTokenExpiredError',
    'AccessTokenInvalidError',
    'CsrfRejectedError',
    'InvalidOptionsError',
    'NotSignedInError',
    'RecentAuthRequiredError',
    'RefreshTokenInvalidError',
    'RefreshTokenReusedError',
    'SchemaOutdatedError',
    'SecretUnknownError',
    'SessionEndedError',
    'SessionLimitError',
    'SessionsError',
    'StoreUnavailableError',
    'TryAgainError',
    'createSessions',
    'isSessionsError',
    'presets',
  ],
  'pawl/client': ['attachFetch', 'createSessionClient', 'memoryTokens'],
  'pawl/client/axios': ['attachAxios'],
  'pawl/client/xhr': ['attachXhr'],
  'pawl/express': ['expressSessions', 'requireSession', 'sessionErrors', 'sessionOf'],
  'pawl/fetch': ['fetchSessions'],
  'pawl/memory': ['memory'],
  'pawl/node': ['nodeSessions'],
  'pawl/postgres': ['postgres'],
}

describe('the packed package', () => {
  let home: string

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'pawl-package-'))
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', home])
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
    await writeFile(join(home, 'package.json'), '{ "private": true, "type": "module" }')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(home, filename)], {
      cwd: home,
    })
    // Packing builds first.
  }, 180_000)
  afterAll(() => rm(home, { recursive: true, force: true }))

  it('installs without pg or any framework, and every entry point offers its names', async () => {
    const script = `console.log(JSON.stringify(Object.fromEntries(await Promise.all(${JSON.stringify(
      Object.keys(EXPORTS),
    )}.map(async (name) => [name, Object.keys(await import(name)).sort()])))))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    expect(JSON.parse(stdout)).toEqual(EXPORTS)
  })

  it("finds the application's React", async () => {
    const react = join(home, 'node_modules/react')
    await symlink(join(process.cwd(), 'node_modules/react'), react)
    try {
      const script = `console.log(Object.keys(await import('pawl/react')).sort().join())`
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
      expect(stdout.trim()).toBe('SessionProvider,useSession,useSessionClient')
    } finally {
      await rm(react)
    }
  })

  it('can be required from CommonJS', async () => {
    const script = `console.log(typeof require('pawl').createSessions)`
    const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', script], { cwd: home })
    expect(stdout.trim()).toBe('function')
  })

  it('says what is missing when a connection string needs pg', async () => {
    const script = `
      import { createSessions } from 'pawl'
      import { postgres } from 'pawl/postgres'
      import { randomBytes } from 'node:crypto'
      const store = postgres({ connectionString: 'postgres://localhost/app' })
      await createSessions({ store, secret: randomBytes(32) }).catch((error) => console.log(error.code))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    expect(stdout.trim()).toBe('ERR_MODULE_NOT_FOUND')
  })

  it('has the OpenTelemetry entry work once its API is there', async () => {
    const look = (): Promise<{ stdout: string }> =>
      run(
        process.execPath,
        [
          '--input-type=module',
          '--eval',
          `console.log(await import('pawl/otel').then(Object.keys, ({ code }) => code))`,
        ],
        { cwd: home },
      )
    expect((await look()).stdout.trim()).toBe('ERR_MODULE_NOT_FOUND')
    const scope = join(home, 'node_modules/@opentelemetry')
    await mkdir(scope)
    await symlink(join(process.cwd(), 'node_modules/@opentelemetry/api'), join(scope, 'api'))
    try {
      expect((await look()).stdout.trim()).toBe("[ 'openTelemetry' ]")
    } finally {
      await rm(scope, { recursive: true })
    }
  })

  it('brings the command line', async () => {
    const { stdout } = await run('npx', ['--no-install', 'pawl', 'secret'], { cwd: home })
    expect(Buffer.from(stdout.trim(), 'base64url')).toHaveLength(32)
  })

  it('ships the compiled source and nothing of the tests', async () => {
    const { stdout } = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: home })
    expect(
      stdout
        .trim()
        .split('\n')
        .map((path) => path.split('node_modules/').at(-1))
        .slice(1)
        .sort(),
    ).toEqual(['on-headers', 'pawl'])
    const manifest = JSON.parse(await readFile(join(home, 'node_modules/pawl/package.json'), 'utf8'))
    expect(manifest.files).toEqual(['dist', '!dist/**/*.map'])
  })
})
