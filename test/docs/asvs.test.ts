import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { testExists, testsIn } from '../support/named-tests.ts'

/** The requirements of ASVS 5.0 at the levels 1 and 2, by chapter and level. */
const REQUIREMENTS: Readonly<Record<string, Readonly<Record<number, readonly string[]>>>> = {
  V3: {
    1: ['3.2.1', '3.2.2', '3.3.1', '3.4.1', '3.4.2', '3.5.1', '3.5.2', '3.5.3'],
    2: ['3.3.2', '3.3.3', '3.3.4', '3.4.3', '3.4.4', '3.4.5', '3.4.6', '3.5.4', '3.5.5', '3.7.1', '3.7.2'],
  },
  V7: {
    1: ['7.2.1', '7.2.2', '7.2.3', '7.2.4', '7.4.1', '7.4.2'],
    2: [
      ...['7.1.1', '7.1.2', '7.1.3', '7.3.1', '7.3.2', '7.4.3'],
      ...['7.4.4', '7.4.5', '7.5.1', '7.5.2', '7.6.1', '7.6.2'],
    ],
  },
  V9: {
    1: ['9.1.1', '9.1.2', '9.1.3', '9.2.1'],
    2: ['9.2.2', '9.2.3', '9.2.4'],
  },
}
const VERDICTS = ['met', 'application', 'not met', 'n/a']

interface Line {
  readonly id: string
  readonly level: string
  readonly verdict: string
  readonly why: string
  /** `file › title of a group › title` */
  readonly tests: readonly string[]
}

const lines = readFileSync('docs/reference/asvs.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line): Line => {
    const [, id = '', level = '', , verdict = '', why = '', shown = ''] = line.split(/ ?\| ?/)
    return { id, level, verdict, why, tests: testsIn(shown) }
  })

describe('docs/reference/asvs.md', () => {
  it.each(Object.entries(REQUIREMENTS))('has every line of %s once, with its level', (chapter, levels) => {
    const expected = Object.entries(levels).flatMap(([level, ids]) => ids.map((id) => `${id} (${level})`))
    const listed = lines.filter(({ id }) => id.startsWith(`${chapter.slice(1)}.`))
    expect(listed.map(({ id, level }) => `${id} (${level})`)).toStrictEqual(expected.sort())
  })

  it('has no other lines', () => {
    const expected = Object.values(REQUIREMENTS).flatMap((levels) => Object.values(levels).flat())
    expect(lines).toHaveLength(expected.length)
  })

  it('gives each line a verdict and a reason', () => {
    expect(lines.filter(({ verdict, why }) => !VERDICTS.includes(verdict) || why === '')).toStrictEqual([])
  })

  it('names a test for each line that is met', () => {
    expect(lines.filter(({ verdict, tests }) => verdict === 'met' && tests.length === 0)).toStrictEqual([])
  })

  it('names only tests that exist', () => {
    const missing = lines.flatMap(({ id, tests }) =>
      tests.filter((test) => !testExists(test)).map((test) => `${id}: ${test}`),
    )
    expect(missing).toStrictEqual([])
  })
})
