import { mkdir, readFile, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Application, installApplication } from '../support/package/application.ts'

/** The samples of docs/testing.md, by the section and the name of the file. */
const samples = new Map<string, string>()
for (const section of (await readFile('docs/testing.md', 'utf8')).split(/^## /m)) {
  const title = section.split('\n', 1)[0]!
  for (const [, name, text] of section.matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms))
    samples.set(name === 'app.js' ? name : `${title}/${name}`, text!)
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
