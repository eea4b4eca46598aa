import { counted } from '../../../portable/format.ts'
import type { Output } from '../../terminal/output.ts'
import { table } from '../../terminal/table.ts'
import type { Result } from './run.ts'
import type { Protocol } from './scenario.ts'

/** The results as one JSON document. */
export function toDocument(protocol: Protocol, results: readonly Result[], total: number): object {
  return {
    protocol,
    passed: results.filter(hasPassed).length,
    failed: results.length - results.filter(hasPassed).length,
    notRun: total - results.length,
    scenarios: results.map(({ scenario: { name, summary }, findings }) => ({
      name,
      summary,
      passed: findings.length === 0,
      findings,
    })),
  }
}

/** The results as a table, with an explanation of each failure. */
export function toText(
  protocol: Protocol,
  results: readonly Result[],
  total: number,
  { width, prose }: Output,
): string {
  const passed = results.filter(hasPassed).length
  const rows = results.map((result) => [
    result.scenario.name,
    hasPassed(result) ? 'passed' : 'failed',
    result.scenario.summary,
  ])
  const missing = total - results.length
  return [
    table(['scenario', 'result', 'what happens'], rows, width),
    ...results.filter((result) => !hasPassed(result)).map((result) => `\n${explain(result, prose)}`),
    `\n${counted(results.length, 'scenario')} over ${protocol}: ${passed} passed, ${results.length - passed} failed${missing === 0 ? '' : `, ${missing} not run`}.`,
  ].join('\n')
}

export function hasPassed({ findings }: Result): boolean {
  return findings.length === 0
}

/** Each advice once, below everything that it is for. */
function explain({ scenario, findings }: Result, prose: Output['prose']): string {
  const advices = [...new Set(findings.map(({ advice }) => advice))]
  const lines = advices.flatMap((advice) => [
    ...findings.filter((finding) => finding.advice === advice).map(({ wrong }) => wrong),
    `To do: ${advice}`,
  ])
  const indented = lines.map((line) => prose(line).replaceAll('\n', '\n  '))
  return [`${scenario.name}: ${scenario.summary}`, ...indented].join('\n  ')
}
