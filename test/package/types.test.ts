import { readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Application, installApplication } from '../support/package/application.ts'

/** The compilers, by the name that they are installed under. */
const COMPILERS = { ts5: '5.9', ts6: '6', ts7: '7' } as const
const NODE_TYPES = ['20', '22', '24', '26']
/** Entry points whose types need those of a framework. */
const WITH_FRAMEWORK = ['fastify', 'h3', 'hono', 'koa', 'nest', 'next', 'otel', 'react'].map(
  (name) => `pawl/${name}`,
)
/** Entry points that run without Node.js, and so compile without its types. */
const PORTABLE = [
  'pawl/verify',
  'pawl/client',
  'pawl/client/axios',
  'pawl/client/bind',
  'pawl/client/native',
  'pawl/client/xhr',
]
const NODENEXT = { module: 'nodenext', moduleResolution: 'nodenext', lib: 'es2022', types: 'node' }
const NODE16 = { ...NODENEXT, module: 'node16', moduleResolution: 'node16' }
const BUNDLER = { module: 'preserve', moduleResolution: 'bundler', lib: 'es2022,dom', types: 'node' }

/** An application that imports entry points. */
const importing = (entries: readonly string[]): string =>
  entries.map((entry, index) => `export * as entry${index} from '${entry}'\n`).join('')

describe('the types of the packed package', () => {
  let compilers: Application
  let entries: readonly string[]
  const applications: Application[] = []

  async function install(packages: readonly string[]): Promise<Application> {
    const application = await installApplication(packages)
    applications.push(application)
    return application
  }

  /** Compiles files of an application strictly. @returns the errors in Pawl's types and in the application itself */
  async function errorsIn(
    application: Application,
    compiler: string,
    files: readonly string[],
    options: Readonly<Record<string, string | boolean>>,
  ): Promise<string[]> {
    const all = { noEmit: true, strict: true, skipLibCheck: false, target: 'es2022', ...options }
    const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
    const tsc = join(compilers.home, 'node_modules', compiler, 'bin/tsc')
    const { code, text } = await application.node([tsc, ...flags, ...files])
    const lines = text.split('\n').filter((line) => line.includes('error TS'))
    // Otherwise the compiler itself has failed.
    if (code !== 0 && lines.length === 0) return [text]
    return lines.filter((line) => !/^node_modules\/(?!pawl\/)/.test(line))
  }

  beforeAll(async () => {
    const aliases = Object.entries(COMPILERS).map(([name, version]) => `${name}@npm:typescript@${version}`)
    compilers = await install(aliases)
    const { exports } = JSON.parse(await readFile('package.json', 'utf8'))
    entries = Object.keys(exports)
      .filter((path) => path !== './package.json')
      .map((path) => join('pawl', path))
  }, 120_000)
  afterAll(() => Promise.all(applications.map((application) => application.remove())))

  it.each(NODE_TYPES)(
    'compile without any framework, with @types/node %s and every TypeScript',
    async (version) => {
      const application = await install([inject('tarball'), `@types/node@${version}`])
      const text = importing(entries.filter((entry) => !WITH_FRAMEWORK.includes(entry)))
      await application.write({ 'esm.mts': text, 'commonjs.cts': text, 'bundled.ts': text })
      const found: Record<string, string[]> = {}
      for (const compiler of Object.keys(COMPILERS))
        found[compiler] = await errorsIn(application, compiler, ['esm.mts', 'commonjs.cts'], NODENEXT)
      // The other resolutions by the fastest compiler alone: the types are the same.
      found['node16'] = await errorsIn(application, 'ts7', ['esm.mts'], NODE16)
      found['bundler'] = await errorsIn(application, 'ts7', ['bundled.ts'], BUNDLER)
      expect(found).toEqual({ ts5: [], ts6: [], ts7: [], node16: [], bundler: [] })
    },
    180_000,
  )

  it('compile without the types of Node.js for browsers and workers', async () => {
    const application = await install([inject('tarball')])
    await application.write({ 'page.ts': importing(PORTABLE) })
    for (const compiler of Object.keys(COMPILERS)) {
      for (const lib of ['es2022,dom', 'es2022,webworker']) {
        const errors = await errorsIn(application, compiler, ['page.ts'], {
          module: 'preserve',
          moduleResolution: 'bundler',
          lib,
        })
        expect({ compiler, lib, errors }).toEqual({ compiler, lib, errors: [] })
      }
    }
  }, 120_000)

  it('compile with every framework', async () => {
    const application = await install([inject('tarball'), '@types/node@26'])
    await linkAll(join(process.cwd(), 'node_modules'), join(application.home, 'node_modules'))
    await application.write({ 'all.mts': importing(entries) })
    // Links stay in the folder, so that the frameworks get its `@types/node`.
    const options = { ...NODENEXT, lib: 'es2022,dom', preserveSymlinks: true }
    for (const compiler of Object.keys(COMPILERS))
      expect(await errorsIn(application, compiler, ['all.mts'], options)).toEqual([])
  }, 180_000)

  it('are found with the module resolution that TypeScript 5 has for `module: commonjs`', async () => {
    const application = await install([inject('tarball'), '@types/node@22', '@types/react@19'])
    const found = entries.filter((entry) => !WITH_FRAMEWORK.includes(entry) || entry === 'pawl/react')
    await application.write({ 'commonjs.ts': importing(found) })
    const options = { module: 'commonjs', lib: 'es2022,dom', types: 'node', skipLibCheck: true }
    expect(await errorsIn(application, 'ts5', ['commonjs.ts'], options)).toEqual([])
  }, 60_000)
})

/** Links every package that the target does not have, `@types/node` say. */
async function linkAll(from: string, to: string): Promise<void> {
  const existing = new Set(await readdir(to))
  for (const name of await readdir(from)) {
    if (name === '@types') await linkAll(join(from, name), join(to, name))
    else if (!existing.has(name)) await symlink(join(from, name), join(to, name))
  }
}
