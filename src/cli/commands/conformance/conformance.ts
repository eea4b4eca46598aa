import type { Command, Context } from '../../command.ts'
import { UsageError } from '../../terminal/errors.ts'
import { closest } from '../../terminal/suggest.ts'
import { table } from '../../terminal/table.ts'
import { quoted } from '../../terminal/text.ts'
import { parsePort } from '../../terminal/values.ts'
import { waitingClient } from './by-hand.ts'
import { commandClient } from './client-process.ts'
import { hasPassed, toDocument, toText } from './results.ts'
import { run } from './run.ts'
import { appliesTo, PROTOCOLS, type Protocol, type Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios/index.ts'

const MAX_ARGUMENTS = 1000

export const conformance: Command = {
  name: 'conformance',
  usage: '[-- command...]',
  summary:
    'Play lost answers, races, outages, expiry and theft against any client, and print what it did wrong.',
  details: `Starts a server on this machine and asks the client under test to sign in, to send requests and to restart.
The command after -- runs the client. It gets the address as PAWL_CONFORMANCE_URL. Without a command, the address is
printed, and a client that somebody else starts may come: an app on a phone, or a page.
docs/reference/conformance.md says how to write the driver of a client.`,
  maxArguments: MAX_ARGUMENTS,
  options: {
    protocol: {
      value: 'name',
      help: `How the client carries tokens: ${PROTOCOLS.join(', ')}. Default: bearer.`,
    },
    only: { value: 'names', help: 'Only these scenarios, separated by commas.' },
    list: { help: 'List the scenarios, and do nothing else.' },
    port: { value: 'number', help: 'Port of the server. Default: any that is free.' },
  },
  needsDatabase: false,
  examples: [
    'npx pawl conformance -- node driver.js',
    'npx pawl conformance --protocol cookie --only burst -- ./client',
  ],
  run: conform,
}

async function conform({ flags, positionals, out, interrupted }: Context): Promise<number> {
  const protocol = parseProtocol(flags.value('protocol') ?? 'bearer')
  const scenarios = parseScenarios(flags.value('only'), protocol)
  const port = parsePort(flags.value('port'))
  if (flags.has('list')) {
    out.result({ protocol, scenarios: scenarios.map(({ name, summary }) => ({ name, summary })) }, () =>
      table(
        ['scenario', 'what happens'],
        scenarios.map(({ name, summary }) => [name, summary]),
        out.width,
      ),
    )
    return 0
  }
  const client =
    positionals.length > 0
      ? commandClient(positionals)
      : waitingClient((url) => out.note(`The client finds the server at PAWL_CONFORMANCE_URL=${url}`))
  const results = await run({
    scenarios,
    protocol,
    client,
    port,
    interrupted,
    onResult: (result) => out.note(`${result.scenario.name}: ${hasPassed(result) ? 'passed' : 'failed'}`),
  })
  // After Ctrl-C there may be nothing to say.
  if (results.length === 0 && interrupted.aborted) return 1
  out.result(toDocument(protocol, results, scenarios.length), () =>
    toText(protocol, results, scenarios.length, out),
  )
  return results.length === scenarios.length && results.every(hasPassed) ? 0 : 1
}

function parseProtocol(typed: string): Protocol {
  const protocol = PROTOCOLS.find((name) => name === typed)
  if (protocol === undefined)
    throw new UsageError(`--protocol takes ${PROTOCOLS.join(', ')}, but got ${quoted(typed)}`)
  return protocol
}

function parseScenarios(typed: string | undefined, protocol: Protocol): readonly Scenario[] {
  const known = SCENARIOS.filter((scenario) => appliesTo(scenario, protocol))
  if (typed === undefined) return known
  const names = typed.split(',').map((name) => name.trim())
  for (const name of names) {
    if (known.some((scenario) => scenario.name === name)) continue
    if (SCENARIOS.some((scenario) => scenario.name === name))
      throw new UsageError(`the scenario ${quoted(name)} does not apply to ${protocol}`)
    const suggestion = closest(
      name,
      known.map((scenario) => scenario.name),
    )
    throw new UsageError(
      `unknown scenario ${quoted(name)}${suggestion === null ? '. --list shows them all.' : `. Did you mean \`${suggestion}\`?`}`,
    )
  }
  return known.filter(({ name }) => names.includes(name))
}
