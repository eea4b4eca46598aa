import { type ChildProcess, spawn } from 'node:child_process'
import { Failure } from '../../terminal/errors.ts'
import type { Client } from './run.ts'
import type { Steps } from './steps.ts'

/** How long a step may take. In ms. */
const PATIENCE = 30_000
/** How long the command may take to ask for its first step: it may have to compile the client. In ms. */
const START = 300_000
/** How long the command may go on after its last step. In ms. */
const END = 3000

/** Runs the client under test as a command. Its output goes to stderr. */
export function commandClient(command: readonly string[]): Client {
  let child: ChildProcess | null = null
  let launch = (): void => {}

  function run(url: string, steps: Steps): void {
    const askedBefore = steps.asked
    const [file = '', ...parameters] = command
    const started = spawn(file, parameters, {
      env: { ...process.env, PAWL_CONFORMANCE_URL: url },
      stdio: ['ignore', 2, 2],
      // A group of its own: a shell or a package manager may start the client itself.
      detached: true,
    })
    child = started
    started.once('error', () =>
      steps.abandon(new Failure(`cannot run the command \`${file}\`. Is it installed?`)),
    )
    started.once('exit', (code, signal) => {
      if (child !== started || steps.isOver) return
      const how = `ended with ${signal ?? `exit code ${code}`}`
      if (steps.asked === askedBefore)
        return steps.abandon(new Failure(`the command ${how} before it asked for a step`))
      launch()
      steps.gone(how)
    })
  }

  return {
    patience: PATIENCE,
    start(url, steps) {
      launch = () => run(url, steps)
      launch()
      const late = setTimeout(
        () =>
          steps.abandon(new Failure(`the command did not ask for a step within ${START / 60_000} minutes`)),
        START,
      ).unref()
      void steps.contact.then(
        () => clearTimeout(late),
        () => clearTimeout(late),
      )
    },
    async startAnew() {
      // After an exit, it runs again already.
      if (child?.exitCode === null && child.signalCode === null) {
        const stuck = child
        child = null
        await kill(stuck)
      }
      launch()
      return true
    },
    async stop() {
      const last = child
      child = null
      if (last === null || last.pid === undefined) return
      await Promise.race([exited(last), new Promise((resolve) => setTimeout(resolve, END).unref())])
      await kill(last)
    },
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  const ended = exited(child)
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The whole group has ended, or the platform has no groups.
    child.kill('SIGKILL')
  }
  await ended
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise((resolve) => child.once('exit', resolve))
}
