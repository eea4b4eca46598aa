import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ENTRIES } from '../../src/core/observability/logger.ts'
import { SETTING_WARNINGS } from '../../src/http/setting-warnings.ts'

const [events = '', logs = ''] = readFileSync('docs/reference/events.md', 'utf8').split('\n## Logs\n')

/** The names in the first cells of the tables of a text. */
const namesIn = (text: string): string[] => [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!)

describe('the page of events', () => {
  it('lists every event', () => {
    expect(namesIn(events).toSorted()).toStrictEqual(Object.keys(ENTRIES).toSorted())
  })

  it('lists every warning about settings, by the field `event` of the log', () => {
    const table = logs.slice(logs.indexOf('| `event` | about |'), logs.indexOf('To count refused requests'))
    expect(namesIn(table)).toStrictEqual(['event', ...SETTING_WARNINGS])
  })
})
