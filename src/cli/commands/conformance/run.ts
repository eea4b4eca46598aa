import type { Finding } from './observation.ts'
import { openPlay, type Play } from './play.ts'
import type { Protocol, Scenario } from './scenario.ts'
import { openKitServer, openOtherOrigin } from './server/kit-server.ts'
import { createSteps, DriverFailure, type Steps } from './steps.ts'

/** What became of a scenario. */
export interface Result {
  readonly scenario: Scenario
  readonly findings: readonly Finding[]
}

/** The client under test. */
export interface Client {
  /** How long it may take for a step, in ms. */
  readonly patience: number
  /** Starts it, when the server listens. */
  start(url: string, steps: Steps): void
  /** Starts it anew after it failed a step. @returns false: nobody can, so the run is over */
  startAnew(): Promise<boolean>
  /** Ends it after the last step. */
  stop(): Promise<void>
}

export interface RunOptions {
  readonly scenarios: readonly Scenario[]
  readonly protocol: Protocol
  readonly client: Client
  /** 0 for any. */
  readonly port?: number
  readonly interrupted: AbortSignal
  onResult(result: Result): void
}

/** Plays the scenarios against a client, one after the other. @returns those that ran */
export async function run(options: RunOptions): Promise<Result[]> {
  const { scenarios, protocol, client, port = 0, interrupted, onResult } = options
  const steps = createSteps(client.patience)
  let play: Play | null = null
  const other = await openOtherOrigin((request) => play?.note(request))
  const kit = await openKitServer(port, {
    control: steps.control,
    begin: (request) => play?.traffic.begin(request) ?? { isLost: true },
    serve: async (request, onHandled) => play!.traffic.serve(request, onHandled),
    issued: (tokens) => play?.traffic.issued(tokens),
  })
  const stop = (): void => steps.gone('was interrupted')
  interrupted.addEventListener('abort', stop)
  const results: Result[] = []
  try {
    client.start(kit.url, steps)
    await Promise.race([steps.contact, aborted(interrupted)])
    for (const scenario of scenarios) {
      if (interrupted.aborted) break
      play = await openPlay(scenario, protocol, { url: kit.url, other: other.url })
      const { findings, canGoOn } = await playOne(play, steps, client, interrupted)
      play = null
      if (interrupted.aborted) break
      results.push({ scenario, findings })
      onResult({ scenario, findings })
      if (!canGoOn) break
    }
    if (!interrupted.aborted) await steps.finish()
  } finally {
    interrupted.removeEventListener('abort', stop)
    await client.stop()
    await Promise.all([kit.close(), other.close()])
  }
  return results
}

async function playOne(
  play: Play,
  steps: Steps,
  client: Client,
  interrupted: AbortSignal,
): Promise<{ findings: Finding[]; canGoOn: boolean }> {
  try {
    return { findings: await play.run(steps), canGoOn: true }
  } catch (error) {
    if (!(error instanceof DriverFailure)) throw error
    return {
      findings: [
        {
          wrong: `The driver ${error.message}.`,
          advice: 'Look at the output of the driver, and run this scenario alone with `--only`.',
        },
      ],
      canGoOn: !interrupted.aborted && (await client.startAnew()),
    }
  } finally {
    await play.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
