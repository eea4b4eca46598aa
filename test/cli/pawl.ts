import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Its output, parsed as JSON. */
  json<T = Record<string, unknown>>(): T
}

/** Below `node_modules`, so that Node.js finds the driver. */
const CACHE = 'node_modules/.cache/pawl-cli'

let building: Promise<string> | null = null

/**
 * Bundles the command line, because a compiler in each process would take most of the time. The result is kept under its own
 * hash, for the other test files and the next run.
 */
export function built(): Promise<string> {
  building ??= bundle('src/cli/main.ts')
  return building
}

/** @returns the path of the bundle */
export async function bundle(source: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    tsconfigRaw: { compilerOptions: { target: 'es2022', verbatimModuleSyntax: true } },
    write: false,
    logLevel: 'silent',
  })
  const text = outputFiles[0]!.text
  const home = join(CACHE, createHash('sha256').update(text).digest('hex').slice(0, 16))
  if (!existsSync(home)) await store(text, home)
  return join(home, 'dist', 'cli', 'main.js')
}

async function store(text: string, home: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const unfinished = await mkdtemp(join(CACHE, 'unfinished-'))
  // The command reads its version from the place that it has in the package.
  await cp('package.json', join(unfinished, 'package.json'))
  await mkdir(join(unfinished, 'dist', 'cli'), { recursive: true })
  await writeFile(join(unfinished, 'dist', 'cli', 'main.js'), text)
  // Another test file may have created it first.
  await rename(unfinished, home).catch(() => rm(unfinished, { recursive: true, force: true }))
}

/** Runs the command line in its own process, without a terminal and without this process's environment. */
export async function pawl(
  parameters: readonly string[],
  env: Readonly<Record<string, string>> = {},
  during: (child: ChildProcess) => void = () => {},
): Promise<Ran> {
  const child = spawn(process.execPath, [await built(), ...parameters], {
    // The types of Next require NODE_ENV in every environment.
    env: { PATH: process.env['PATH'] ?? '', ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  during(child)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr, json: () => JSON.parse(stdout) }
}
