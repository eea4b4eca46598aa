import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { bundle, pawl, type Ran } from '../cli/pawl.ts'

const LONG = 120_000

interface Document {
  readonly protocol: string
  readonly passed: number
  readonly failed: number
  readonly notRun: number
  readonly scenarios: readonly { readonly name: string; readonly passed: boolean }[]
}

/** The driver of the documentation. */
let documented: string
beforeAll(async () => {
  const page = await readFile('docs/reference/conformance.md', 'utf8')
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  documented = code.replace("'pawl/client'", JSON.stringify(resolve(await bundle('src/client/index.ts'))))
}, LONG)

/** Runs a driver by the command. */
async function conformance(driver: string, ...options: string[]): Promise<Ran> {
  const folder = await mkdtemp(join('node_modules', '.cache', 'pawl-driver-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'driver.mjs')
  await writeFile(file, driver)
  return pawl(['conformance', ...options, '--', process.execPath, file])
}

/** A driver that reports every step as done. */
const reporting = (inStep = ''): string => `
const url = process.env.PAWL_CONFORMANCE_URL + '/conformance'
let step = await (await fetch(url)).json()
while (step.do !== 'end') {
  ${inStep}
  const body = JSON.stringify({ step: step.step, answers: [], signedIn: null, stored: null })
  step = await (await fetch(url, { method: 'POST', body })).json()
}`

describe('npx pawl conformance', () => {
  it('runs the driver of the documentation', { timeout: LONG }, async () => {
    const { code, stderr, json } = await conformance(documented, '--json')
    const { protocol, failed, notRun, scenarios } = json<Document>()
    expect([code, protocol, failed, notRun], stderr).toStrictEqual([0, 'bearer', 0, 0])
    expect(scenarios.every(({ passed }) => passed)).toBe(true)
  })

  it('prints a table and what to do, and exits with 1', { timeout: LONG }, async () => {
    const { code, stdout } = await conformance(reporting(), '--only', 'life,urls')
    expect(code).toBe(1)
    expect(stdout).toContain('life      failed  sign in, read, write, sign out\n')
    expect(stdout).toContain(
      '\nlife: sign in, read, write, sign out\n  Nobody has signed in on the server.\n  To do: In the step `sign-in`, send',
    )
    expect(stdout).toContain('2 scenarios over bearer: 0 passed, 2 failed.\n')
  })

  it('starts a driver anew that ends in `start` or `restart`, and counts it as done', {
    timeout: LONG,
  }, async () => {
    const { json } = await conformance(
      reporting("if (step.do === 'start') process.exit(3)"),
      '--json',
      '--only',
      'burst',
    )
    expect(JSON.stringify(json())).not.toContain('exit code')
  })

  it('says in which step a driver ended, and goes on with the next scenario', { timeout: LONG }, async () => {
    const driver = reporting("if (step.do === 'sign-in' && step.scenario === 'life') process.exit(3)")
    const { code, stdout, stderr } = await conformance(driver, '--only', 'life,urls')
    expect(code).toBe(1)
    expect(stdout).toContain('The driver ended with exit code 3 in the step `sign-in`.\n')
    expect(stderr).toContain('urls: failed\n')
  })

  it('ends with 1 if the driver cannot run, asks for nothing or sends nonsense', {
    timeout: LONG,
  }, async () => {
    const missing = await pawl(['conformance', '--', 'no-such-command'])
    expect([missing.code, missing.stdout]).toStrictEqual([1, ''])
    expect(missing.stderr).toContain('cannot run the command `no-such-command`. Is it installed?')
    const silent = await conformance('process.exit(0)')
    expect([silent.code, silent.stderr]).toStrictEqual([
      1,
      expect.stringContaining('ended with exit code 0 before it asked for a step'),
    ])
    const wrong = await conformance(reporting('step.step = {}'))
    expect([wrong.code, wrong.stderr]).toStrictEqual([
      1,
      expect.stringContaining('wrong report: `step` must be the number of the step'),
    ])
  })

  it('waits for a client without a command, until Ctrl-C', { timeout: LONG }, async () => {
    const ran = await pawl(['conformance'], {}, (child) => {
      child.stderr!.once('data', () => child.kill('SIGINT'))
    })
    expect([ran.code, ran.stdout]).toStrictEqual([130, ''])
    expect(ran.stderr).toMatch(/PAWL_CONFORMANCE_URL=http:\/\/127\.0\.0\.1:\d+\n/)
  })

  it('lists the scenarios of a protocol, and refuses wrong options', { timeout: LONG }, async () => {
    const listed = await pawl(['conformance', '--list', '--json', '--protocol', 'fdi'])
    const names = listed.json<Document>().scenarios.map(({ name }) => name)
    expect([listed.code, names.includes('burst'), names.includes('app-401')]).toStrictEqual([0, true, false])
    const wrong: [string[], string][] = [
      [['--only', 'brst'], 'Did you mean `burst`?'],
      [['--only', 'app-401', '--protocol', 'fdi'], 'does not apply to fdi'],
      [['--protocol', 'oauth'], '--protocol takes bearer, cookie, fdi'],
      [['--port', '70000'], '--port takes a number'],
    ]
    for (const [options, says] of wrong) {
      const { code, stderr } = await pawl(['conformance', ...options])
      expect([code, stderr]).toStrictEqual([2, expect.stringContaining(says)])
    }
  })
})
