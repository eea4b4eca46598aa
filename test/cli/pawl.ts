import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Its output, parsed as JSON. */
  json<T = Record<string, unknown>>(): T
}

/** The folders and files that the command line imports. */
const SOURCES = [
  ...['cli', 'core', 'portable', 'postgres', 'memory', 'wire', 'index.ts'],
  // What `conformance` serves, and the client of the driver in its documentation.
  ...['adapters', 'http', 'supertokens', 'client'],
]
/** Below `node_modules`, so that Node.js finds the driver. */
const CACHE = 'node_modules/.cache/pawl-cli'

let building: Promise<string> | null = null

/**
 * Compiles the command line, because a compiler in each process would take most of the time. The result is
 * cached under a hash of the sources, for the other test files and the next run.
 */
export function built(): Promise<string> {
  building ??= build()
  return building
}

async function build(): Promise<string> {
  const names = await Promise.all(
    SOURCES.map(async (source) =>
      source.endsWith('.ts')
        ? [source]
        : (await readdir(join('src', source), { recursive: true })).map((name) => join(source, name)),
    ),
  )
  const files = await Promise.all(
    names
      .flat()
      .filter((name) => name.endsWith('.ts'))
      .map(async (name) => ({ name, text: await readFile(join('src', name), 'utf8') })),
  )
  const home = join(CACHE, createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16))
  if (!existsSync(home)) await compile(files, home)
  return join(home, 'dist', 'cli', 'main.js')
}

async function compile(files: readonly { name: string; text: string }[], home: string): Promise<void> {
  const { default: ts } = await import('typescript')
  await mkdir(CACHE, { recursive: true })
  const unfinished = await mkdtemp(join(CACHE, 'unfinished-'))
  await cp('package.json', join(unfinished, 'package.json'))
  for (const { name, text } of files) {
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    })
    const to = join(unfinished, 'dist', name.replace(/\.ts$/, '.js'))
    await mkdir(dirname(to), { recursive: true })
    await writeFile(to, outputText)
  }
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
