// Prints the table of docs/reference/conformance.md.
import { appliesTo } from '../../src/cli/commands/conformance/scenario.ts'
import { SCENARIOS } from '../../src/cli/commands/conformance/scenarios/index.ts'
import { CONFORMANCE_CLIENTS } from './support/conformance-clients.ts'
import { play, type Verdicts } from './support/kit.ts'

const columns: Verdicts[] = []
for (const { protocol, open } of CONFORMANCE_CLIENTS) {
  const scenarios = SCENARIOS.filter((scenario) => appliesTo(scenario, protocol))
  columns.push(await play(protocol, scenarios, await open()))
}
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
console.log(line(['scenario', ...CONFORMANCE_CLIENTS.map(({ name }) => name)]))
console.log(`|${'---|'.repeat(columns.length + 1)}`)
for (const { name, summary } of SCENARIOS) {
  const cells = columns.map(({ [name]: wrong }) =>
    !wrong ? '-' : wrong.length === 0 ? 'passed' : '**failed**',
  )
  console.log(line([`\`${name}\`: ${summary}`, ...cells]))
}
process.exit()
