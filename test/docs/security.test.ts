import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { testExists, testsIn } from '../support/named-tests.ts'

const [, table = ''] = readFileSync('SECURITY.md', 'utf8').split('| asset | attacker |')
const rows = table
  .split('\n\n')[0]!
  .split('\n')
  .slice(2)
  .map((line) => line.split(/ ?\| ?/).slice(1, -1))

describe('the threat model of SECURITY.md', () => {
  it('says in each row what is at stake, who attacks, what Pawl does and what remains', () => {
    expect(rows.length).toBeGreaterThan(15)
    expect(rows.filter((cells) => cells.length !== 5 || cells.includes(''))).toStrictEqual([])
  })

  it.each(rows.map((cells) => [cells[0]!, testsIn(cells[4]!)] as const))(
    'names existing tests for: %s',
    (_, tests) => {
      expect(tests).not.toHaveLength(0)
      expect(tests.filter((test) => !testExists(test))).toStrictEqual([])
    },
  )
})
