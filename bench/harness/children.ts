import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const ANSWERS_WITHIN = 120_000
const ENDS_WITHIN = 10_000

/** Asks a child process and waits for its next message. @throws when it ends instead, or says nothing */
export function ask<T>(child: ChildProcess, message: object | string, name: string): Promise<T> {
  const answered = answerOf<T>(child, name)
  child.send(message)
  return answered
}

/** The next message of a child process. @throws when it ends instead, or says nothing for two minutes */
export async function answerOf<T>(child: ChildProcess, name: string): Promise<T> {
  const over = new AbortController()
  const { signal } = over
  const late = setTimeout(
    () => over.abort(new Error(`${name} has not answered for ${ANSWERS_WITHIN} ms`)),
    ANSWERS_WITHIN,
  )
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`${name} ended with ${code}`)
  })
  ended.catch(() => {})
  try {
    return (await Promise.race([once(child, 'message', { signal }), ended]))[0] as T
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    clearTimeout(late)
    over.abort()
  }
}

/** Takes the channel from a child process, which is its sign to leave. @returns whether it went by itself and well */
export async function leave(child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode === 0
  const ended = once(child, 'exit')
  if (child.connected) child.disconnect()
  const late = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN)
  const [code] = await ended
  clearTimeout(late)
  return code === 0
}
