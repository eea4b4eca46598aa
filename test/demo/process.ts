import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** The demo as `npm start` runs it. */
export interface RunningDemo {
  /** Waits until the output matches `pattern`. @returns the whole output */
  printed(pattern: RegExp): Promise<string>
  address(): Promise<string>
  stop(signal: NodeJS.Signals): Promise<number | null>
  readonly exitCode: Promise<number | null>
  output(): string
}

/** Starts it with these environment variables, and without those of the shell. */
export function startDemo(settings: Record<string, string>, args: readonly string[] = []): RunningDemo {
  const { DATABASE_URL: _, PAWL_SECRET: __, ...environment } = process.env
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'demo/main.ts', ...args], {
    cwd: ROOT,
    env: { ...environment, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    child.emit('printed')
  }
  child.stdout!.on('data', collect)
  child.stderr!.on('data', collect)
  const exitCode = once(child, 'close').then(([code]) => {
    child.emit('printed')
    return code as number | null
  })
  onTestFinished(() => void child.kill('SIGKILL'))

  async function printed(pattern: RegExp): Promise<string> {
    while (!pattern.test(output)) {
      if (child.exitCode !== null) throw new Error(`the demo has stopped:\n${output}`)
      await once(child, 'printed')
    }
    return output
  }
  return {
    printed,
    exitCode,
    output: () => output,
    address: async () => /http:\/\/\S+/.exec(await printed(/http:\/\/\S+\//))![0],
    stop(signal) {
      child.kill(signal)
      return exitCode
    },
  }
}
