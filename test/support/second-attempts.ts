import type { Reporter, TestCase } from 'vitest/node'

/** Names the tests that passed on the second attempt, so that a retry hides no fault. */
export default class SecondAttempts implements Reporter {
  readonly #titles: string[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky === true) this.#titles.push(`${test.project.name}: ${test.fullName}`)
  }

  onTestRunEnd(): void {
    for (const title of this.#titles) console.log(`SECOND ATTEMPT: ${title}`)
  }
}
