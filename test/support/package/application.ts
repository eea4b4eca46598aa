import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A folder of its own with packages installed. */
export interface Application {
  readonly home: string
  /** Writes files, by path. */
  write(files: Readonly<Record<string, string>>): Promise<void>
  /** Runs a script of Node.js in the folder or in one below it. @returns its output, also if it fails */
  node(args: readonly string[], under?: string, env?: Readonly<Record<string, string>>): Promise<Output>
  remove(): Promise<void>
}

export interface Output {
  readonly code: number
  readonly text: string
}

export async function installApplication(packages: readonly string[]): Promise<Application> {
  const home = await mkdtemp(join(tmpdir(), 'pawl-application-'))
  await writeFile(join(home, 'package.json'), '{ "private": true }')
  if (packages.length > 0)
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: home })
  return {
    home,
    async write(files) {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(home, path)), { recursive: true })
        await writeFile(join(home, path), text)
      }
    },
    async node(args, under = '.', env = {}) {
      try {
        const options = { cwd: join(home, under), env: { ...process.env, ...env } }
        const { stdout, stderr } = await run(process.execPath, args, options)
        return { code: 0, text: stdout + stderr }
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
        return { code, text: stdout + stderr }
      }
    },
    remove: () => rm(home, { recursive: true, force: true }),
  }
}
