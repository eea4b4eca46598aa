import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const APP = import.meta.dirname
const MARK = join(APP, '.next', 'built-of')
const LOCK = join(APP, '.next.lock')
const { resolve } = createRequire(import.meta.url)

/** Builds the application unless another test file has built it. */
export async function build(): Promise<string> {
  const sources = fingerprint()
  while (!isBuiltOf(sources)) {
    if (lock()) {
      try {
        // Another test file may have built it just before it released the lock.
        if (!isBuiltOf(sources)) {
          await runBuild()
          writeFileSync(MARK, sources)
        }
      } finally {
        rmSync(LOCK)
      }
    } else await setTimeout(200)
  }
  return APP
}

function isBuiltOf(sources: string): boolean {
  return existsSync(MARK) && readFileSync(MARK, 'utf8') === sources
}

/** A hash of the inputs of the build. Pawl is not among them, because the tests pass it in. */
function fingerprint(): string {
  const hash = createHash('sha256').update(readFileSync(resolve('next/package.json')))
  const files = readdirSync(APP, { recursive: true, encoding: 'utf8' })
  for (const file of files.filter((name) => name.endsWith('.js') && !name.startsWith('.next')).sort())
    hash.update(file).update(readFileSync(join(APP, file)))
  return hash.digest('hex')
}

function lock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    if (isAbandoned()) rmSync(LOCK, { force: true })
    return false
  }
}

/** Whether the process that holds the lock was killed. A lock that was released just now is not abandoned. */
function isAbandoned(): boolean {
  try {
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

async function runBuild(): Promise<void> {
  const child = spawn(process.execPath, [resolve('next/dist/bin/next'), 'build', APP], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`next build failed:\n${output}`)
}
