import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Application, installApplication } from '../support/package/application.ts'

/** Imports every entry point that runs without Node.js, and prints what it got. */
const EVERYTHING = `
import { createSessionClient } from 'pawl/client'
import { attachAxios } from 'pawl/client/axios'
import { bindDevice } from 'pawl/client/bind'
import { secureStoreTokens } from 'pawl/client/native'
import { attachXhr } from 'pawl/client/xhr'
import { SessionProvider } from 'pawl/react'
import { createVerifier } from 'pawl/verify'
const clients = [createSessionClient, attachAxios, bindDevice, secureStoreTokens, attachXhr]
console.log([...clients, SessionProvider, createVerifier].map((it) => typeof it).join())
`
const FOUND = `${Array(7).fill('function')}\n`

/** Bundles with Metro as React Native sets it up: up to 0.78 without package exports, later with them. */
const METRO = `
const { loadConfig, runBuild } = require('metro')
async function main() {
  const config = await loadConfig({ cwd: __dirname }, {
    resolver: { unstable_enablePackageExports: process.argv[2] === 'true', useWatchman: false },
    transformer: { babelTransformerPath: require.resolve('@react-native/metro-babel-transformer') },
  })
  await runBuild(config, { entry: 'everything.js', out: process.argv[3], platform: 'android', dev: false, minify: false })
}
main()
`

/** Bundles with webpack; without `exports` its resolver is that of webpack 4. */
const WEBPACK = `
const webpack = require('webpack')
const [mode, entry, filename, readsExports] = process.argv.slice(2)
const resolve = readsExports === 'false' ? { exportsFields: [] } : {}
const output = { path: __dirname, filename }
webpack({ mode, entry, output, resolve, devtool: false, performance: false }, (error, stats) => {
  const text = error ? String(error) : stats.toString('errors-warnings')
  console.log(text)
  process.exitCode = error || stats.hasErrors() ? 1 : 0
})
`

/** Builds a library, or prints a dependency as the development server serves it. */
const VITE = `
import { build, createServer } from 'vite'
if (process.argv[2] === 'build') {
  await build({ build: { lib: { entry: 'client.js', formats: ['es'], fileName: 'client' }, outDir: 'vite' } })
} else {
  const server = await createServer({ server: { port: 0, host: '127.0.0.1' } })
  await server.listen()
  const { port } = server.httpServer.address()
  const load = async (path) => (await fetch(\`http://127.0.0.1:\${port}\${path}\`)).text()
  const [, dependency] = /from "(\\/node_modules\\/[^"]+)"/.exec(await load('/client.js'))
  console.log(await load(dependency))
  await server.close()
}
`

/** A message of the check of options, which only development builds have. */
const CHECKED = 'does not take'

describe('the packed package', { timeout: 120_000 }, () => {
  let application: Application

  beforeAll(async () => {
    const metro = ['metro@0.81', '@react-native/metro-babel-transformer@0.78']
    const others = ['webpack@5', 'vite@8', 'parcel@2']
    application = await installApplication([inject('tarball'), 'react@19', ...metro, ...others])
    await application.write({
      'everything.js': EVERYTHING,
      'client.js': `export { createSessionClient } from 'pawl/client'`,
      'metro.cjs': METRO,
      'webpack.cjs': WEBPACK,
      'vite.mjs': VITE,
    })
  }, 240_000)
  afterAll(() => application.remove())

  const textOf = (path: string): Promise<string> => readFile(join(application.home, path), 'utf8')

  /** Runs a build, or its bundle, without the `NODE_ENV` that Vitest sets. @returns its output */
  async function run(...args: readonly string[]): Promise<string> {
    const { code, text } = await application.node(args, '.', { NODE_ENV: '' })
    expect({ code, text }).toEqual({ code: 0, text })
    return text
  }

  it.each([false, true])('is bundled by Metro with package exports: %s', async (enabled) => {
    await run('metro.cjs', String(enabled), `metro-${enabled}.js`)
    expect(await run(`metro-${enabled}.js`)).toEqual(FOUND)
  })

  it('is bundled with a resolver that does not read `exports`, like that of webpack 4', async () => {
    await run('webpack.cjs', 'development', './everything.js', 'old.js', 'false')
    expect(await run('old.js')).toEqual(FOUND)
  })

  it('is bundled by Parcel', async () => {
    const parcel = ['build', '--no-cache', '--no-source-maps', '--no-optimize', '--dist-dir', 'parcel']
    await run('node_modules/parcel/lib/bin.js', ...parcel, 'everything.js')
    expect(await run('parcel/everything.js')).toEqual(FOUND)
  })

  it('has the check of options in development with webpack and Vite, and never in production', async () => {
    const checked: Record<string, boolean> = {}
    for (const mode of ['development', 'production']) {
      await run('webpack.cjs', mode, './client.js', `webpack-${mode}.js`)
      checked[`webpack ${mode}`] = (await textOf(`webpack-${mode}.js`)).includes(CHECKED)
    }
    checked['vite serve'] = (await run('vite.mjs', 'serve')).includes(CHECKED)
    await run('vite.mjs', 'build')
    checked['vite build'] = (await textOf('vite/client.mjs')).includes(CHECKED)
    const { outputFiles } = await build({
      absWorkingDir: application.home,
      entryPoints: ['client.js'],
      bundle: true,
      write: false,
    })
    checked['esbuild'] = outputFiles[0]!.text.includes(CHECKED)
    expect(checked).toEqual({
      'webpack development': true,
      'webpack production': false,
      'vite serve': true,
      'vite build': false,
      esbuild: false,
    })
  })
})
