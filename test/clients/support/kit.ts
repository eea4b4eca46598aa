import { run } from '../../../src/cli/commands/conformance/run.ts'
import type { Protocol, Scenario } from '../../../src/cli/commands/conformance/scenario.ts'
import { type Driven, drive } from './drive.ts'

/** What each scenario found, by name: empty if the client passed. */
export type Verdicts = Readonly<Record<string, readonly string[]>>

/** Plays scenarios against a client in this process. */
export async function play(
  protocol: Protocol,
  scenarios: readonly Scenario[],
  create: (isFresh: boolean, url: string) => Driven,
): Promise<Verdicts> {
  let driving = Promise.resolve()
  let isWhole = true
  const results = await run({
    scenarios,
    protocol,
    interrupted: new AbortController().signal,
    onResult() {},
    client: {
      patience: 20_000,
      start(url) {
        driving = drive(url, (isFresh) => create(isFresh, url))
        // Without its driver, the run fails by its patience.
        driving.catch(() => {})
      },
      async startAnew() {
        isWhole = false
        return false
      },
      async stop() {},
    },
  })
  if (isWhole) await driving
  return Object.fromEntries(
    results.map(({ scenario, findings }) => [
      scenario.name,
      findings.map(({ wrong }) => withoutCounts(wrong)),
    ]),
  )
}

/** How often a client does too much depends on how busy the machine is. */
function withoutCounts(wrong: string): string {
  return wrong.replace(/\b(?:[2-9]|\d\d) (refreshes|requests);/, 'several $1;')
}
