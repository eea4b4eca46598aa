import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Application, installApplication } from '../support/package/application.ts'

const run = promisify(execFile)

/**
 * The native modules. Installed with what they depend on they take 300 MB, of which the types need nothing: so only their own
 * archives are unpacked.
 */
const NATIVE = [
  ['expo-secure-store', '57'],
  ['react-native-keychain', '10'],
  ['react-native', '0.88'],
  ['@react-native/virtualized-lists', '0.88'],
] as const
/** The oldest of which the types fit. */
const OLD = [
  ['expo-secure-store', '12'],
  ['react-native-keychain', '8'],
] as const

const STORAGES = `
import * as Keychain from 'react-native-keychain'
import * as SecureStore from 'expo-secure-store'
import { createSessionClient } from 'pawl/client'
import { keychainTokens, secureStoreTokens } from 'pawl/client/native'
export const clients = [keychainTokens(Keychain), secureStoreTokens(SecureStore, 'pawl.work')].map((tokens) =>
  createSessionClient({ baseUrl: 'https://api.example.com', tokens }),
)
`
const WAKE_UP = `
import { AppState } from 'react-native'
import { checkWhenActive } from 'pawl/client/native'
import { clients } from './storages'
export const stops = clients.map((client) => checkWhenActive(client, AppState))
`

describe('with the types of the native modules themselves', () => {
  let application: Application
  beforeAll(async () => {
    application = await installApplication([inject('tarball'), 'typescript@6', '@types/react@19', 'react@19'])
    await application.write({ 'storages.ts': STORAGES, 'wake-up.ts': WAKE_UP })
  }, 120_000)
  afterAll(() => application.remove())

  async function unpack(modules: readonly (readonly [string, string])[]): Promise<void> {
    for (const [name, version] of modules) {
      const { stdout } = await run('npm', ['pack', '--silent', `${name}@${version}`], {
        cwd: application.home,
      })
      // A range may match several versions; the last one is the newest.
      const archive = stdout.trim().split('\n').at(-1)!
      const folder = join(application.home, 'node_modules', name)
      await mkdir(folder, { recursive: true })
      await run('tar', ['-xzf', archive, '-C', folder, '--strip-components=1'], { cwd: application.home })
    }
  }

  /** Compiles files strictly. @returns the errors */
  async function compile(files: readonly string[], lib: string): Promise<string[]> {
    const options = { module: 'esnext', moduleResolution: 'bundler', target: 'es2022', lib, jsx: 'react-jsx' }
    const flags = Object.entries({ ...options, types: 'react' }).flatMap(([name, value]) => [
      `--${name}`,
      value,
    ])
    const tsc = join('node_modules', 'typescript', 'bin/tsc')
    const strict = ['--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions']
    const { code, text } = await application.node([tsc, ...strict, ...flags, ...files])
    return code === 0 ? [] : text.trim().split('\n')
  }

  it('the storages, the wake-up and the Expo example compile', async () => {
    await unpack(NATIVE)
    const example = join(import.meta.dirname, '../../examples/expo')
    for (const file of ['App.tsx', 'session.ts']) {
      const text = await readFile(join(example, file), 'utf8')
      await application.write({ [file]: text })
    }
    await application.write({ 'process.d.ts': 'declare const process: { env: Record<string, string> }\n' })
    const files = ['storages.ts', 'wake-up.ts', 'App.tsx', 'process.d.ts']
    expect(await compile(files, 'dom,esnext')).toEqual([])
    // Without the DOM, as in the configuration of React Native.
    expect(await compile(['storages.ts', 'wake-up.ts'], 'es2022')).toEqual([])
  }, 120_000)

  it('so do the storages with older modules', async () => {
    await unpack(OLD)
    expect(await compile(['storages.ts'], 'dom,esnext')).toEqual([])
  }, 120_000)
})
