import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'

const run = promisify(execFile)

/** A folder outside the repository, where nothing of its `node_modules` is found. Deleted when the file is done. */
export async function createFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `pawl-${name}-`))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Packs the package as `npm publish` does, which also builds it. @returns the path of the archive */
export async function packPackage(): Promise<string> {
  const folder = await createFolder('pack')
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder])
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  return join(folder, filename)
}

/** Installs packages, archives among them, as an application does: a peer range that does not fit is an error. */
export async function install(
  folder: string,
  packages: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
    cwd: folder,
    env,
    maxBuffer: 2 ** 24,
  })
}
