import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const ANSWER_TIMEOUT = 120_000
const EXIT_TIMEOUT = 10_000

/** Starts a program of `bench/`; its arguments are JSON. */
export function startProcess(
  path: string,
  args: readonly unknown[],
  flags: readonly string[] = [],
): ChildProcess {
  const program = fileURLToPath(new URL(`../${path}${extname(import.meta.url)}`, import.meta.url))
  return fork(
    program,
    args.map((value) => JSON.stringify(value)),
    {
      execArgv: [...process.execArgv, ...flags],
      env: { ...process.env, NODE_ENV: 'production' },
    },
  )
}

/** An argument that `startProcess` passed. */
export function argument<T>(index = 0): T {
  return JSON.parse(process.argv[2 + index]!)
}

/** Sends a message. @returns the next message of the child process @throws as `answerOf` */
export function ask<T>(child: ChildProcess, message: object | string, name: string): Promise<T> {
  const answer = answerOf<T>(child, name)
  child.send(message)
  return answer
}

/** The next message of a child process. @throws if the process ends or sends nothing for `timeout` ms */
export async function answerOf<T>(child: ChildProcess, name: string, timeout = ANSWER_TIMEOUT): Promise<T> {
  const settled = new AbortController()
  const { signal } = settled
  const timer = setTimeout(
    () => settled.abort(new Error(`${name} sent no answer for ${timeout} ms`)),
    timeout,
  )
  const exit = once(child, 'exit', { signal }).then(([code, by]) => {
    throw new Error(`${name} exited early (${code ?? by})`)
  })
  exit.catch(() => {})
  try {
    return (await Promise.race([once(child, 'message', { signal }), exit]))[0] as T
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    clearTimeout(timer)
    settled.abort()
  }
}

/** Closes the channel, which asks the process to exit. @returns whether it exited in time with code 0 */
export async function stopProcess(child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode === 0
  const exit = once(child, 'exit')
  if (child.connected) child.disconnect()
  const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_TIMEOUT)
  const [code] = await exit
  clearTimeout(timer)
  return code === 0
}
