import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

const run = promisify(execFile)

/** The exported names of every entry point. Removing one is a breaking change. */
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  pawl: [
    'AccessTokenExpiredError',
    'AccessTokenInvalidError',
    'ActingRefusedError',
    'CsrfRejectedError',
    'HandoffRefusedError',
    'InvalidOptionsError',
    'NotSignedInError',
    'RecentAuthRequiredError',
    'RefreshTokenInvalidError',
    'RefreshTokenReusedError',
    'SchemaOutdatedError',
    'SecretUnknownError',
    'SessionEndedError',
    'SessionLimitError',
    'SessionOutdatedError',
    'SessionsError',
    'StoreUnavailableError',
    'TryAgainError',
    'createSessions',
    'isSessionsError',
    'lazySessions',
    'presets',
  ],
  'pawl/client': ['attachFetch', 'createSessionClient', 'memoryTokens'],
  'pawl/client/axios': ['attachAxios'],
  'pawl/client/bind': ['bindDevice'],
  'pawl/client/native': ['checkWhenActive', 'keychainTokens', 'secureStoreTokens'],
  'pawl/client/xhr': ['attachXhr'],
  'pawl/console': ['sessionsConsole'],
  'pawl/express': ['expressSessions', 'requireSession', 'sessionErrors', 'sessionOf'],
  'pawl/fastify': ['fastifySessions', 'requireSession', 'sessionOf'],
  'pawl/fetch': ['fetchSessions'],
  'pawl/h3': ['h3Sessions', 'requireSession', 'sessionOf'],
  'pawl/hono': ['honoSessions', 'requireSession', 'sessionErrors', 'sessionOf'],
  'pawl/koa': ['koaSessions', 'requireSession', 'sessionOf'],
  'pawl/memory': ['memory'],
  'pawl/node': ['nodeSessions'],
  'pawl/postgres': ['postgres'],
  'pawl/supertokens': ['supertokens'],
  'pawl/verify': [
    'AccessTokenExpiredError',
    'AccessTokenInvalidError',
    'DeviceProofRequiredError',
    'DeviceRequiredError',
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

/** Entry points that import a framework. */
const FRAMEWORK_EXPORTS: Readonly<Record<string, readonly string[]>> = {
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
/** The packages that an application installs, and the entry point that needs them. */
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
    await writeFile(join(home, 'package.json'), '{ "private": true, "type": "module" }')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', inject('tarball')], {
      cwd: home,
    })
  }, 180_000)
  afterAll(() => rm(home, { recursive: true, force: true }))

  /** The exported names of entry points, or the code of the import error. */
  async function namesOf(entries: readonly string[]): Promise<unknown> {
    const script = `
      const names = (entry) => import(entry).then((found) => Object.keys(found).sort(), ({ code }) => code)
      const entries = ${JSON.stringify(entries)}.map(async (entry) => [entry, await names(entry)])
      console.log(JSON.stringify(Object.fromEntries(await Promise.all(entries))))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    return JSON.parse(stdout)
  }

  /** The exported names of every entry point if these packages are installed. */
  async function namesWith(packages: readonly string[]): Promise<unknown> {
    const links = packages.map((name) => join(home, 'node_modules', name))
    for (const [index, link] of links.entries()) {
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(process.cwd(), 'node_modules', packages[index]!), link)
    }
    try {
      return await namesOf(Object.keys({ ...EXPORTS, ...FRAMEWORK_EXPORTS }))
    } finally {
      for (const link of links) await rm(link)
    }
  }
  const MISSING = Object.fromEntries(
    Object.keys(FRAMEWORK_EXPORTS).map((entry) => [entry, 'ERR_MODULE_NOT_FOUND']),
  )

  it('has exactly the expected entry points and optional peers', async () => {
    const manifest = JSON.parse(await readFile(join(home, 'node_modules/pawl/package.json'), 'utf8'))
    const entries = Object.keys(manifest.exports).map((path) => join('pawl', path))
    const known = [...Object.keys(EXPORTS), ...Object.keys(FRAMEWORK_EXPORTS), 'pawl/package.json']
    expect(entries.sort()).toStrictEqual(known.sort())
    const peers = ['@electric-sql/pglite', 'pg', ...FRAMEWORKS.flatMap(({ packages }) => packages)].sort()
    expect(Object.keys(manifest.peerDependencies).sort()).toStrictEqual(peers)
    const optional = Object.fromEntries(peers.map((name) => [name, { optional: true }]))
    expect(manifest.peerDependenciesMeta).toStrictEqual(optional)
  })

  it('installs without pg or any framework, and exports the expected names', async () => {
    expect(await namesWith([])).toStrictEqual({ ...EXPORTS, ...MISSING })
  })

  it.each(FRAMEWORKS)(
    'needs only $packages for the entry point that uses them',
    async ({ packages, entry }) => {
      const found = entry === undefined ? {} : { [entry]: FRAMEWORK_EXPORTS[entry] }
      expect(await namesWith(packages)).toStrictEqual({ ...EXPORTS, ...MISSING, ...found })
    },
  )

  it('works with all frameworks installed together', async () => {
    expect(await namesWith(FRAMEWORKS.flatMap(({ packages }) => packages))).toStrictEqual({
      ...EXPORTS,
      ...FRAMEWORK_EXPORTS,
    })
  })

  /** The files that the import of entry points loads, without those of other packages. */
  async function filesOf(entries: readonly string[]): Promise<string[]> {
    const root = join(home, 'node_modules/pawl')
    const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const files = new Set(entries.map((entry) => join(root, exports[entry].default)))
    for (const file of files) {
      const code = await readFile(file, 'utf8')
      for (const [, path] of code.matchAll(/^(?:import|export|\}) ?(?:.* ?from )?"(\.[^"]+)";$/gm))
        files.add(join(dirname(file), path!))
    }
    return [...files]
  }

  it('loads few files, and no data of languages', async () => {
    expect((await filesOf(['.', './postgres', './express'])).length).toBeLessThanOrEqual(6)
    const script = `
      const refuse = () => { throw new Error('loads the data of languages') }
      Number.prototype.toLocaleString = Date.prototype.toLocaleString = String.prototype.localeCompare = refuse
      globalThis.Intl = new Proxy({}, { get: refuse })
      await Promise.all(['pawl', 'pawl/postgres', 'pawl/express'].map((entry) => import(entry)))
      console.log('loaded')`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    expect(stdout.trim()).toBe('loaded')
  })

  it('has one class of each error in all entry points', async () => {
    const script = `
      const [server, verifier] = [await import('pawl'), await import('pawl/verify')]
      const shared = Object.keys(server).filter((name) => name in verifier)
      console.log(JSON.stringify(shared.filter((name) => server[name] === verifier[name])))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    expect(JSON.parse(stdout)).toStrictEqual(
      EXPORTS['pawl/verify']!.filter((name) => EXPORTS['pawl']!.includes(name)),
    )
  })

  it('knows its own folder, and the file that called it', async () => {
    const file = join(await realpath(home), 'application.mjs')
    await writeFile(
      file,
      `import { randomBytes } from 'node:crypto'
      import { createSessions, lazySessions } from 'pawl'
      import { memory } from 'pawl/memory'
      const sessions = await createSessions({ store: memory(), secret: randomBytes(32) })
      lazySessions(() => sessions)
      const { evaluations } = globalThis[Symbol.for('pawl.reloads')]
      console.log(JSON.stringify([sessions[Symbol.for('pawl.copy')].path, ...evaluations.keys()]))
      await sessions.close()`,
    )
    const env = { ...process.env, NODE_ENV: 'development' as const }
    const { stdout } = await run(process.execPath, [file], { cwd: home, env })
    const root = join(await realpath(home), 'node_modules/pawl')
    expect(JSON.parse(stdout)).toStrictEqual([root, `file ${file}`])
  })

  it('can be loaded by `require` from CommonJS', async () => {
    const script = `console.log(typeof require('pawl').createSessions)`
    const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', script], { cwd: home })
    expect(stdout.trim()).toBe('function')
  })

  it('checks the options of the client in development builds alone', async () => {
    const script = `
      import { createSessionClient } from 'pawl/client'
      try {
        createSessionClient({ baseURL: 'https://api.example.com' }).close()
        console.log('unchecked')
      } catch ({ message }) {
        console.log(message)
      }`
    const start = async (...flags: string[]): Promise<string> => {
      const args = [...flags, '--input-type=module', '--eval', script]
      return (await run(process.execPath, args, { cwd: home })).stdout.trim()
    }
    expect(await start('--conditions=development')).toBe(
      '`createSessionClient` does not take `baseURL`. It takes baseUrl, path, fetch, csrf, overlap, tokens, device, user, onProblem.',
    )
    expect(await start()).toBe('unchecked')
  })

  it('reports the missing package if a connection string needs pg', async () => {
    const script = `
      import { createSessions } from 'pawl'
      import { postgres } from 'pawl/postgres'
      import { randomBytes } from 'node:crypto'
      const store = postgres({ connectionString: 'postgres://localhost/app' })
      await createSessions({ store, secret: randomBytes(32) }).catch((error) => console.log(error.code))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home })
    expect(stdout.trim()).toBe('ERR_MODULE_NOT_FOUND')
  })

  it('installs the `pawl` command', async () => {
    const { stdout } = await run('npx', ['--no-install', 'pawl', 'secret'], { cwd: home })
    expect(Buffer.from(stdout.trim(), 'base64url')).toHaveLength(32)
  })

  it('has no script that runs at its installation', async () => {
    const { scripts } = JSON.parse(await readFile(join(home, 'node_modules/pawl/package.json'), 'utf8'))
    const atInstall = /^(?:pre|post)?(?:install|prepare|prepublish)$/
    expect(Object.keys(scripts).filter((name) => atInstall.test(name))).toStrictEqual([])
  })

  it('has one runtime dependency and contains only `dist` and the folders of entry points', async () => {
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
    expect(manifest.files).toEqual(['dist', '!dist/**/*.map', 'client', 'react', 'verify'])
  })
})
