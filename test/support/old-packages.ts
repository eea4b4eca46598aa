import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll } from 'vitest'

/** Installs libraries that one can come from, before the tests of a file. @returns `require` for them */
export function oldPackages(...packages: readonly string[]): (name: string) => ReturnType<NodeJS.Require> {
  let home: string
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'pawl-moving-'))
    await writeFile(join(home, 'package.json'), '{ "private": true }')
    const options = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', '--fetch-retries=5']
    await promisify(execFile)('npm', ['install', ...options, ...packages], { cwd: home })
  }, 300_000)
  afterAll(() => rm(home, { recursive: true, force: true }))
  return (name) => createRequire(join(home, 'package.json'))(name)
}
