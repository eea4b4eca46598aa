// Runs the suites of tests, `npm test` and every `npm run test:<name>`, one after another, and prints the sum.
// `test:quick` is left out, because `npm test` contains it.
// Usage: npm run test:all -- [suite ...]    e.g. `npm run test:all -- fleet browser`; `core` is `npm test`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const suites = new Map([['core', 'test']])
for (const script of Object.keys(scripts))
  if (script.startsWith('test:') && !['test:all', 'test:quick'].includes(script))
    suites.set(script.slice('test:'.length), script)

/** Those of `vitest.config.ts`, and one that counts. */
const REPORTERS = ['default', './test/support/second-attempts.ts', 'json'].map((name) => `--reporter=${name}`)

const names = process.argv.length > 2 ? process.argv.slice(2) : [...suites.keys()]
const unknown = names.filter((name) => !suites.has(name))
if (unknown.length > 0) {
  print(`Unknown suite: ${unknown.join(', ')}. The suites are ${[...suites.keys()].join(', ')}.`)
  process.exit(2)
}

const home = mkdtempSync(join(tmpdir(), 'pawl-tests-'))
const results = names.map((name) => run(name, suites.get(name)))
rmSync(home, { recursive: true })

print('')
for (const { name, passed, failed, seconds } of results)
  print(
    `${name.padEnd(10)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed  ${seconds} s`,
  )
const sum = (pick) => results.reduce((total, result) => total + pick(result), 0)
const failed = sum((result) => result.failed)
for (const { name, failures } of results)
  for (const failure of failures) print(`FAILED in ${name}: ${failure}`)
print(`${sum((result) => result.passed)} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function run(name, script) {
  print(`\n== npm ${script === 'test' ? 'test' : `run ${script}`}`)
  const startedAt = Date.now()
  const report = join(home, `${name}.json`)
  const counted = scripts[script].includes('vitest run')
  const flags = counted ? ['--', ...REPORTERS, `--outputFile.json=${report}`] : []
  const { status } = spawnSync('npm', ['run', '--silent', script, ...flags], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  const result = counted ? resultOf(report) : { passed: status === 0 ? 1 : 0, failed: 0, failures: [] }
  // A run that breaks without a failed test (a leaked handle, a crash) has failed all the same.
  if (status !== 0 && result.failed === 0) {
    result.failed = 1
    result.failures.push(`npm exited with ${status} although no test failed`)
  }
  return { name, ...result, seconds: Math.round((Date.now() - startedAt) / 1000) }
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`)
}

/** The failed tests come with the first line of each message. */
function resultOf(report) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
    const failures = testResults.flatMap(({ name, message, assertionResults }) => [
      ...(assertionResults.length === 0 && message ? [`${relative(name)}: ${firstLine(message)}`] : []),
      ...assertionResults
        .filter(({ status }) => status === 'failed')
        .map(
          ({ fullName, failureMessages }) =>
            `${relative(name)}: ${fullName}: ${firstLine(failureMessages[0])}`,
        ),
    ])
    return { passed: numPassedTests, failed: numFailedTests, failures }
  } catch {
    return { passed: 0, failed: 1, failures: ['no report'] }
  }
}

function relative(file) {
  return file.slice(file.lastIndexOf('/test/') + 1)
}

function firstLine(message = '') {
  return message.split('\n', 1)[0]
}
