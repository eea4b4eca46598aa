import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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
  'pawl/fastify': ['fastifySessions', 'requireSession', 'sessionOf'],
  'pawl/fetch': ['fetchSessions'],
  'pawl/h3': ['h3Sessions', 'requireSession', 'sessionOf'],
  'pawl/hono': ['honoSessions', 'requireSession', 'sessionErrors', 'sessionOf'],
  'pawl/koa': ['koaSessions', 'requireSession', 'sessionOf'],
  'pawl/memory': ['memory'],
  'pawl/node': ['nodeSessions'],
  'pawl/postgres': ['postgres'],
  'pawl/verify': [
    'AccessTokenExpiredError',
    'AccessTokenInvalidError',
    'InvalidOptionsError',
    'NotSignedInError',
    'SessionEndedError',
    'SessionsError',
    'StoreUnavailableError',
    'createVerifier',
    'errorResponse',
    'isSessionsError',
  ],
}

/** Entry points that are of use in one framework only, and import it. */
const IN_A_FRAMEWORK: Readonly<Record<string, readonly string[]>> = {
  'pawl/nest': [
    'Public',
    'RequireSession',
    'SESSIONS',
    'Session',
    'SessionGuard',
    'SessionsModule',
    'sessionOf',
  ],
  'pawl/next': ['nextSessions'],
  'pawl/otel': ['openTelemetry'],
  'pawl/react': ['SessionProvider', 'useSession', 'useSessionClient'],
}
/** What an application installs, and which of these entry points that is enough for. */
const FRAMEWORKS: readonly { readonly packages: readonly string[]; readonly entry?: string }[] = [
  { packages: ['@nestjs/common', '@nestjs/core'], entry: 'pawl/nest' },
  { packages: ['@opentelemetry/api'], entry: 'pawl/otel' },
  { packages: ['next'], entry: 'pawl/next' },
  { packages: ['react'], entry: 'pawl/react' },
  { packages: ['express'] },
  { packages: ['fastify'] },
  { packages: ['h3'] },
  { packages: ['hono'] },
  { packages: ['koa'] },
]

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

  /** The names that entry points offer, or the code of the error that importing one fails with. */
  async function namesOf(entries: readonly string[]): Promise<unknown> {
    const script = `
      const names = (entry) => import(entry).then((found) => Object.keys(found).sort(), ({ code }) => code)
      const entries = ${JSON.stringify(entries)}.map(async (entry) => [entry, await names(entry)])
      console.log(JSON.stringify(Object.fromEntries(await Promise.all(entries))))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    return JSON.parse(stdout)
  }

  /** What every entry point offers where these packages are installed beside it. */
  async function namesBeside(packages: readonly string[]): Promise<unknown> {
    const links = packages.map((name) => join(home, 'node_modules', name))
    for (const [index, link] of links.entries()) {
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(process.cwd(), 'node_modules', packages[index]!), link)
    }
    try {
      return await namesOf(Object.keys({ ...EXPORTS, ...IN_A_FRAMEWORK }))
    } finally {
      for (const link of links) await rm(link)
    }
  }
  const MISSING = Object.fromEntries(
    Object.keys(IN_A_FRAMEWORK).map((entry) => [entry, 'ERR_MODULE_NOT_FOUND']),
  )

  it('has the entry points and the optional peers that are known here, and no others', async () => {
    const manifest = JSON.parse(await readFile(join(home, 'node_modules/pawl/package.json'), 'utf8'))
    const entries = Object.keys(manifest.exports).map((path) => join('pawl', path))
    const known = [...Object.keys(EXPORTS), ...Object.keys(IN_A_FRAMEWORK), 'pawl/package.json']
    expect(entries.sort()).toStrictEqual(known.sort())
    const peers = ['pg', ...FRAMEWORKS.flatMap(({ packages }) => packages)].sort()
    expect(Object.keys(manifest.peerDependencies).sort()).toStrictEqual(peers)
    const optional = Object.fromEntries(peers.map((name) => [name, { optional: true }]))
    expect(manifest.peerDependenciesMeta).toStrictEqual(optional)
  })

  it('installs without pg or any framework, and every entry point offers its names', async () => {
    expect(await namesBeside([])).toStrictEqual({ ...EXPORTS, ...MISSING })
  })

  it.each(FRAMEWORKS)('needs $packages alone for the entry points in them', async ({ packages, entry }) => {
    const found = entry === undefined ? {} : { [entry]: IN_A_FRAMEWORK[entry] }
    expect(await namesBeside(packages)).toStrictEqual({ ...EXPORTS, ...MISSING, ...found })
  })

  it('finds all frameworks of an application', async () => {
    expect(await namesBeside(FRAMEWORKS.flatMap(({ packages }) => packages))).toStrictEqual({
      ...EXPORTS,
      ...IN_A_FRAMEWORK,
    })
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
