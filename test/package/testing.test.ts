import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { chromium } from '../browser/support/chromium.ts'
import { type Application, installApplication } from '../support/package/application.ts'

/** Modules that the samples test. */
const SHARED = ['app.js', 'notes.js']
/** The samples of docs/guides/testing.md, by the section and the name of the file. */
const samples = new Map<string, string>()
for (const section of (await readFile('docs/guides/testing.md', 'utf8')).split(/^## /m)) {
  const title = section.split('\n', 1)[0]!
  for (const [, name, text] of section.matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms))
    samples.set(SHARED.includes(name!) ? name! : `${title}/${name}`, text!)
}
const sample = (name: string): string => samples.get(name)!

const COMMON = ['express@5', 'supertest@7']
const NEST = ['common', 'core', 'testing', 'platform-express'].map((name) => `@nestjs/${name}@11`)
const TYPESCRIPT = ['ts-jest@29', 'typescript@5.9', '@types/supertest', '@types/node@22']
const BABEL = 'module.exports = { presets: [["@babel/preset-env", { targets: { node: "current" } }]] }'

/** As `nest new` of Nest 11 writes them, with the line of the documentation. */
const NEST_PACKAGE = (transformIgnorePatterns: string): object => ({
  private: true,
  jest: {
    moduleFileExtensions: ['js', 'json', 'ts'],
    rootDir: 'src',
    testRegex: '.*\\.spec\\.ts$',
    transform: { '^.+\\.(t|j)s$': 'ts-jest' },
    transformIgnorePatterns: [transformIgnorePatterns],
    testEnvironment: 'node',
  },
})
const NEST_TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    moduleResolution: 'nodenext',
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    declaration: true,
    removeComments: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    allowSyntheticDefaultImports: true,
    target: 'ES2023',
    skipLibCheck: true,
    strictNullChecks: true,
  },
}
/** A test of a Nest application. */
const NEST_SPEC = `
import { randomBytes } from 'node:crypto'
import { Controller, Get, Module, Post } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import { RequireSession, Session, SessionsModule, type RequestSession } from 'pawl/nest'
import request from 'supertest'

@Controller()
class AccountController {
  @Post('login')
  login(@Session() session: RequestSession) {
    return session.create({ userId: 'anna' })
  }
  @RequireSession()
  @Get('me')
  me(@Session() session: RequestSession) {
    return { id: session.userId }
  }
}
const useFactory = () => createSessions({ store: memory(), secret: randomBytes(32) })
@Module({ imports: [SessionsModule.forRootAsync({ useFactory })], controllers: [AccountController] })
class AppModule {}

test('signs in', async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile()
  const app = module.createNestApplication()
  await app.init()
  const agent = request.agent(app.getHttpServer())
  await agent.get('/me').expect(401)
  await agent.post('/login').expect(201)
  await agent.get('/me').expect(200, { id: 'anna' })
  await app.close()
})
`

it('the documentation has a sample for each way to run tests', () => {
  expect([...samples.keys()]).toEqual([
    'app.js',
    'Vitest/login.test.js',
    'Jest/jest.config.cjs',
    'Jest/login.test.js',
    'node:test/login.test.js',
    'notes.js',
    'The front end/msw.test.js',
    'The front end/stub.test.js',
    'The front end/signed-in.spec.js',
    'The front end/many.spec.js',
  ])
})

describe.each(['29', '30'])('Jest %s', (version) => {
  let application: Application
  const files = (folder: string): Record<string, string> => ({
    [`${folder}/app.js`]: sample('app.js'),
    [`${folder}/login.test.js`]: sample('Jest/login.test.js'),
    [`${folder}/jest.config.cjs`]: sample('Jest/jest.config.cjs'),
    [`${folder}/babel.config.cjs`]: BABEL,
  })
  async function jest(folder: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const script = join(application.home, 'node_modules/jest/bin/jest.js')
    return (
      await application.node([script, '--cacheDirectory', join(application.home, 'cache')], folder, env)
    ).text
  }

  beforeAll(async () => {
    const packages = [
      `jest@${version}`,
      `@types/jest@${version}`,
      '@babel/preset-env@7',
      ...TYPESCRIPT,
      ...NEST,
    ]
    application = await installApplication([inject('tarball'), ...COMMON, ...packages])
  }, 180_000)
  afterAll(() => application.remove())

  it('runs the sample with Babel', async () => {
    await application.write({ ...files('babel'), 'babel/package.json': '{ "private": true }' })
    expect(await jest('babel')).toContain('1 passed, 1 total')
  }, 60_000)

  it('needs the line of the documentation', async () => {
    await application.write({
      ...files('bare'),
      'bare/package.json': '{ "private": true }',
      'bare/jest.config.cjs': '',
    })
    expect(await jest('bare')).toMatch(
      /Jest encountered an unexpected token|Must use import to load ES Module/,
    )
  }, 60_000)

  it('runs the sample as ES modules, without the line', async () => {
    await application.write({
      ...files('esm'),
      'esm/package.json': '{ "private": true, "type": "module" }',
      'esm/jest.config.cjs': 'module.exports = { transform: {} }',
    })
    expect(await jest('esm', { NODE_OPTIONS: '--experimental-vm-modules' })).toContain('1 passed, 1 total')
  }, 60_000)

  it('runs a Nest application with ts-jest as Nest generates it', async () => {
    const [pattern] = /(?<=\[').*(?='\])/.exec(sample('Jest/jest.config.cjs'))!
    await application.write({
      'nest/package.json': JSON.stringify(NEST_PACKAGE(pattern.replaceAll('\\\\', '\\'))),
      'nest/tsconfig.json': JSON.stringify(NEST_TSCONFIG),
      'nest/src/app.spec.ts': NEST_SPEC,
    })
    expect(await jest('nest')).toContain('1 passed, 1 total')
  }, 60_000)

  it('finds Pawl where pnpm keeps it', async () => {
    const modules = join(application.home, 'node_modules')
    const kept = join(modules, '.pnpm/pawl@0.1.0/node_modules')
    await mkdir(kept, { recursive: true })
    await rename(join(modules, 'pawl'), join(kept, 'pawl'))
    await symlink(join(kept, 'pawl'), join(modules, 'pawl'))
    expect(await jest('babel')).toContain('1 passed, 1 total')
  }, 60_000)
})

describe('the sample of the documentation', () => {
  let application: Application

  beforeAll(async () => {
    application = await installApplication([inject('tarball'), 'vitest@4', ...COMMON])
    await application.write({
      'package.json': '{ "private": true, "type": "module" }',
      'vitest/app.js': sample('app.js'),
      'vitest/login.test.js': sample('Vitest/login.test.js'),
      'node/app.js': sample('app.js'),
      'node/login.test.js': sample('node:test/login.test.js'),
    })
  }, 120_000)
  afterAll(() => application.remove())

  it('runs with Vitest', async () => {
    const script = join(application.home, 'node_modules/vitest/vitest.mjs')
    const { code, text } = await application.node([script, 'run', '--root', '.'], 'vitest')
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/1 passed/) })
  }, 60_000)

  it('runs with node:test', async () => {
    const { code, text } = await application.node(['--test'], 'node')
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/pass 2/) })
  }, 60_000)
})

/** Mocks that start before and after the client takes over the global `fetch`, with requests that they pass on. */
const ATTACHED = `
import { createServer } from 'node:http'
import { once } from 'node:events'
import { HttpResponse, http, passthrough } from 'msw'
import { setupServer } from 'msw/node'
import { attachFetch, createSessionClient } from 'pawl/client'
import { expect, test } from 'vitest'

test.each(['before', 'after', 'never'])('attached %s the mocks start', async (attached) => {
  const seen = []
  const api = createServer((req, res) => {
    seen.push(req.url)
    res.setHeader('content-type', 'application/json').end('"real"')
  }).listen(0, '127.0.0.1')
  await once(api, 'listening')
  const origin = 'http://127.0.0.1:' + api.address().port
  const client = createSessionClient({ baseUrl: origin })
  const server = setupServer(
    http.get(origin + '/mocked', () => HttpResponse.json('mocked')),
    http.get(origin + '/real', () => passthrough()),
  )
  let detach = () => {}
  if (attached === 'before') detach = attachFetch(client)
  server.listen()
  if (attached === 'after') detach = attachFetch(client)
  for (const send of [client.fetch, fetch]) {
    expect(await (await send(origin + '/mocked')).json()).toBe('mocked')
    expect(await (await send(origin + '/real')).json()).toBe('real')
  }
  expect(seen).toEqual(['/real', '/real'])
  detach()
  server.close()
  api.close()
})
`

/** A page that greets the user of \`app.js\`. */
const PAGE_SERVER = `
import express from 'express'
import { randomBytes } from 'node:crypto'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import { createApp } from './app.js'

const app = createApp(await createSessions({ store: memory(), secret: randomBytes(32) }))
app.use('/pawl', express.static('../node_modules/pawl/dist'))
app.get('/', (req, res) => res.send(\`<!doctype html><title>Notes</title><p></p><script type="module">
  import { createSessionClient } from '/pawl/client/index.js'
  const response = await createSessionClient().fetch('/me')
  document.querySelector('p').textContent = response.ok ? 'Hello ' + (await response.json()).id : 'Nobody'
</script>\`))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

describe('the sample for the front end', () => {
  let application: Application

  beforeAll(async () => {
    const packages = ['vitest@4', 'msw@2', 'jsdom@27', '@playwright/test@1.65', 'express@5']
    application = await installApplication([inject('tarball'), ...packages])
    await application.write({
      'package.json': '{ "private": true, "type": "module" }',
      'mocks/notes.js': sample('notes.js'),
      'mocks/msw.test.js': sample('The front end/msw.test.js'),
      'mocks/stub.test.js': sample('The front end/stub.test.js'),
      'mocks/attached.test.js': ATTACHED,
      'jsdom/notes.js': sample('notes.js').replace("{ baseUrl: 'https://api.example.com' }", ''),
      'jsdom/msw.test.js': sample('The front end/msw.test.js').replace("'https://api.example.com'", "''"),
      'page/app.js': sample('app.js'),
      'page/server.js': PAGE_SERVER,
      'page/signed-in.spec.js': sample('The front end/signed-in.spec.js'),
      'page/many.spec.js': sample('The front end/many.spec.js'),
    })
  }, 120_000)
  afterAll(() => application.remove())

  it('runs with MSW and with a stub of `fetch`, and mocks see requests of attached clients', async () => {
    const script = join(application.home, 'node_modules/vitest/vitest.mjs')
    const { code, text } = await application.node([script, 'run', '--root', '.'], 'mocks')
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/6 passed/) })
  }, 60_000)

  it('runs with MSW and paths alone in the page of jsdom', async () => {
    const script = join(application.home, 'node_modules/vitest/vitest.mjs')
    const args = ['run', '--root', '.', '--environment', 'jsdom']
    const { code, text } = await application.node([script, ...args], 'jsdom')
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/2 passed/) })
  }, 60_000)

  it.skipIf(chromium.program === undefined && !process.env['CI'])(
    'runs with Playwright',
    async () => {
      const server = spawn(process.execPath, ['server.js'], { cwd: join(application.home, 'page') })
      onTestFinished(() => void server.kill())
      const [port] = (await once(server.stdout, 'data')) as [Buffer]
      // Chromium refuses to run its sandbox as root.
      const launchOptions = { executablePath: chromium.program, chromiumSandbox: process.getuid?.() !== 0 }
      const use = { baseURL: `http://localhost:${String(port).trim()}`, launchOptions }
      await application.write({ 'page/playwright.config.js': `export default ${JSON.stringify({ use })}` })
      const script = join(application.home, 'node_modules/@playwright/test/cli.js')
      const { code, text } = await application.node([script, 'test'], 'page')
      expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/3 passed/) })
    },
    60_000,
  )

  it('a client in a process with pages and channels does not keep it running', async () => {
    await application.write({
      'idle.js': `
        import { createSessionClient } from 'pawl/client'
        Object.assign(globalThis, { location: { origin: 'https://app.example.com' } })
        createSessionClient().onChange(() => {})
        console.log(typeof BroadcastChannel)`,
    })
    expect(await application.node(['idle.js'])).toEqual({ code: 0, text: 'function\n' })
  }, 10_000)
})
