import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { sharedClock } from '../fleet/commands.ts'
import type { Hook } from './options.ts'
import { withoutPasswords } from './without-passwords.ts'

/** A command that takes longer is killed, in ms. */
const COMMAND_TIMEOUT = 300_000
/** After Ctrl-C it gets this long to finish, because half a failover leaves a broken cluster. */
const INTERRUPTED_TIMEOUT = 10_000

export interface StartedHook {
  readonly name: string
  /** In milliseconds after the start of the load. */
  readonly at: number
  readonly failed: string | null
}

/** Runs each hook at its time. @returns those that ran, in the order of their start */
export async function runHooks(
  hooks: readonly Hook[],
  startedAt: number,
  ended: AbortSignal,
  say: (text: string) => void,
): Promise<StartedHook[]> {
  const started = await Promise.all(
    hooks.map(async ({ name, at: due, run }) => {
      await sleep(due * 1000, undefined, { signal: ended }).catch(() => {})
      if (ended.aborted) return null
      const at = sharedClock() - startedAt
      say(`runs: ${name}`)
      const failed = await run().then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      const seconds = ((sharedClock() - startedAt - at) / 1000).toFixed(1)
      say(failed === null ? `done after ${seconds} s: ${name}` : `FAILED (${failed}): ${name}`)
      return { name, at, failed }
    }),
  )
  return started.filter((hook) => hook !== null).sort((a, b) => a.at - b.at)
}

interface CommandOptions {
  /** The command finds it in the variable DATABASE_URL. */
  readonly url: string
  readonly stopped: AbortSignal
  /** The file descriptor for what the command prints. */
  readonly output: 1 | 2
}

/** A hook that runs a command of the shell. */
export function commandHook(at: number, command: string, { url, stopped, output }: CommandOptions): Hook {
  return {
    at,
    name: withoutPasswords(command),
    run: () =>
      new Promise((resolve, reject) => {
        const child = spawn(command, {
          shell: true,
          // A group of its own: Ctrl-C does not reach it, and its children can be killed with it.
          detached: true,
          stdio: ['ignore', output, 2],
          env: { ...process.env, DATABASE_URL: url },
        })
        const kill = (): void => {
          try {
            process.kill(-child.pid!, 'SIGKILL')
          } catch {
            // It has just exited.
          }
        }
        const timers = [setTimeout(kill, COMMAND_TIMEOUT)]
        const hurry = (): void => void timers.push(setTimeout(kill, INTERRUPTED_TIMEOUT))
        stopped.addEventListener('abort', hurry)
        const settle = (): void => {
          timers.forEach(clearTimeout)
          stopped.removeEventListener('abort', hurry)
        }
        child.once('error', (error) => {
          settle()
          reject(error)
        })
        child.once('exit', (code, signal) => {
          settle()
          if (code === 0) resolve()
          else reject(new Error(code === null ? `killed by ${signal}` : `exit code ${code}`))
        })
      }),
  }
}
