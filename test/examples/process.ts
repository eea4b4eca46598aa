import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { freePort } from '../../demo/embedded-postgres.ts'

/** The time limit for a start, in ms. The runner and the example are compiled, and Next compiles its pages, too. */
const START = 90_000
const STARTED = /^Listening on http:\/\/localhost:(\d+)$/m

vi.setConfig({ testTimeout: 2 * START })

/** An example that `npm run example` has started. */
export interface Example {
  readonly port: number
  /** Stops it as a process manager does. @returns the exit code; null if it had to be killed */
  stop(): Promise<number | null>
}

/** Starts an example on a free port, and waits until it listens. */
export async function startExample(name: string, given: Readonly<Record<string, string>>): Promise<Example> {
  // The environment of a user's shell, without the settings of the test runner.
  const environment = { ...process.env }
  for (const variable of ['NODE_ENV', 'DATABASE_URL', 'PAWL_SECRET'])
    Reflect.deleteProperty(environment, variable)
  const runner = join(import.meta.dirname, '../../examples/run.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', runner, name], {
    // Its own process group, so that a failed test leaves no process behind.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment,
      ...given,
      PORT: String(await freePorts()),
      NEXT_TELEMETRY_DISABLED: '1',
    },
  })
  onTestFinished(() => killGroup(child))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => fail(`did not start within ${START} ms`), START)
    const fail = (what: string): void => {
      clearTimeout(timer)
      reject(new Error(`${name} ${what}:\n${output}`))
    }
    // Not before its last output has arrived.
    child.once('close', (code) => fail(`exited with ${code}`))
    child.stdout.on('data', () => {
      const found = STARTED.exec(output)?.[1]
      if (found === undefined) return
      clearTimeout(timer)
      resolve(Number(found))
    })
  })

  return {
    port,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => killGroup(child), 10_000)
      const code = await exited
      clearTimeout(timer)
      expect(code, output).toBe(0)
      return code
    },
  }
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch {
    // The process has already exited.
  }
}

/** A free port whose next port is free too, for an example with two services. */
async function freePorts(): Promise<number> {
  let [first, second] = [0, 0]
  while (second !== first + 1) [first, second] = [second, await freePort()]
  return first
}
