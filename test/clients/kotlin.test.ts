import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandClient } from '../../src/cli/commands/conformance/client-process.ts'
import { type Result, run } from '../../src/cli/commands/conformance/run.ts'
import { appliesTo } from '../../src/cli/commands/conformance/scenario.ts'
import { SCENARIOS } from '../../src/cli/commands/conformance/scenarios/index.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/android')
const SUPPORT = join(import.meta.dirname, 'native')
/** Android has `org.json`. This is the same code for other machines, of the Debian package `libandroid-json-java`. */
const ORG_JSON = '/usr/share/java/com.android.json.jar'
const BEARER = SCENARIOS.filter((scenario) => appliesTo(scenario, 'bearer'))

const kotlinc = find('kotlinc')
const missing = [
  ...(kotlinc === null ? ['kotlinc'] : []),
  ...(find('java') === null ? ['java'] : []),
  ...(existsSync(ORG_JSON) ? [] : [ORG_JSON]),
]
if (missing.length > 0) process.stdout.write(`No Kotlin: ${missing.join(', ')} not found.\n`)

describe.skipIf(missing.length > 0)('the session client of examples/android', () => {
  let folder: string
  let classpath: string
  let results: readonly Result[]

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pawl-kotlin-'))
    const jar = join(folder, 'driver.jar')
    const sources = [EXAMPLE, SUPPORT].flatMap((from) =>
      readdirSync(from).flatMap((name) => (name.endsWith('.kt') ? join(from, name) : [])),
    )
    await promisify(execFile)(kotlinc!, [...sources, '-include-runtime', '-cp', ORG_JSON, '-d', jar])
    classpath = [jar, ORG_JSON].join(delimiter)
    results = await run({
      scenarios: BEARER,
      protocol: 'bearer',
      client: commandClient(['java', '-cp', classpath, 'session.DriverKt', folder]),
      interrupted: new AbortController().signal,
      onResult() {},
    })
  }, 300_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(BEARER.map(({ name, summary }) => [name, summary]))('passes %s: %s', (name) => {
    expect(results.find(({ scenario }) => scenario.name === name)?.findings).toStrictEqual([])
  })

  it('stands failing storage, late answers, other processes and other users', async () => {
    const { stdout } = await promisify(execFile)('java', ['-cp', classpath, 'session.ChecksKt'])
    const lines = stdout.trim().split('\n')
    expect(lines.at(-1)).toBe('0 failed')
    expect(lines.slice(0, -1).filter((line) => !line.startsWith('ok: '))).toStrictEqual([])
    expect(lines.length).toBeGreaterThan(15)
  })
})

function find(program: string): string | null {
  const folders = process.env['PATH']?.split(delimiter) ?? []
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null
}
