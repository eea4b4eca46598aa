import { describe, expect, it } from 'vitest'
import { errorLines } from '../../src/cli/terminal/errors.ts'
import { closest } from '../../src/cli/terminal/suggest.ts'
import { properties, table } from '../../src/cli/terminal/table.ts'
import { columns, cut, quoted, toJson, wrapped } from '../../src/cli/terminal/text.ts'
import { duration, timeAgo } from '../../src/portable/format.ts'
import { printable } from '../../src/portable/printable.ts'

const NOW = new Date('2026-11-23T20:54:55.123Z')
const ago = (seconds: number): string => timeAgo(new Date(NOW.getTime() - seconds * 1000), NOW)

describe('text for a terminal', () => {
  it('escapes control characters and keeps all others', () => {
    expect(printable('\u001b[31m\u009b\u202e\u2028\ud800')).toBe('\\u001b[31m\\u009b\\u202e\\u2028\\ud800')
    expect(printable('Zoë 東京 \\ "x"')).toBe('Zoë 東京 \\ "x"')
    const value = { name: '\u007f\u009b\u202e\u2028\ud800\n' }
    expect(toJson(value)).toBe('{\n  "name": "\\u007f\\u009b\\u202e\\u2028\\ud800\\n"\n}')
    expect(JSON.parse(toJson(value))).toEqual(value)
  })

  it('does not repeat a text that may be a password or a token', () => {
    expect(quoted('anna')).toBe("'anna'")
    expect(quoted('postgres://u:secret@h/d')).not.toContain('secret')
    expect(quoted('x'.repeat(65))).not.toContain('xx')
  })

  it('formats times with their distance from now', () => {
    expect(ago(10)).toBe('2026-11-23 20:54:45Z (10 s ago)')
    expect([ago(3 * 3600), ago(-600)].map((text) => text.slice(21))).toEqual(['(3 h ago)', '(in 10 min)'])
    expect([119, 120, 7199, 7200, 172_799, 172_800, 86_400 * 1234].map((s) => duration(s * 1000))).toEqual([
      '119 s',
      '2 min',
      '119 min',
      '2 h',
      '47 h',
      '2 days',
      '1,234 days',
    ])
  })

  it('aligns by terminal columns, and cuts at the edge', () => {
    expect([columns('東京'), columns('e\u0301'), columns('abc')]).toEqual([4, 1, 3])
    expect([cut('東京都', 4), cut('東京', 4), cut('abcdef', 4)]).toEqual(['東…', '東京', 'abc…'])
    expect(
      table(
        ['a', 'name'],
        [
          ['東京', 'x'],
          ['1', 'a long\nvalue'],
        ],
        12,
      ),
    ).toBe(['a     name', '----  -----…', '東京  x', '1     a lon…'].join('\n'))
    expect(
      properties(
        [
          ['id', '1'],
          ['none', null],
          ['longer', '2'],
        ],
        80,
      ),
    ).toBe('id      1\nlonger  2')
    expect(wrapped('one two three four', 9)).toBe('one two\nthree\nfour')
  })

  it('suggests a similar word, and none if all differ too much', () => {
    const known = ['sessions', 'status', 'keys', 'prune']
    expect(['sesion', 'stats', 'key', 'sess', 'nonsense', 'x'].map((given) => closest(given, known))).toEqual(
      ['sessions', 'status', 'keys', 'sessions', null, null],
    )
  })
})

describe('the lines of an error', () => {
  it('name the causes that the message does not, once each, without passwords', () => {
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('reset')], '')
    const middle = new Error('fetch failed for postgres://u:hunter2@db/d password=hunter2\n    at x', {
      cause: refused,
    })
    const error = new Error('Cannot reach PostgreSQL (reset).', { cause: middle })
    middle.stack = ''
    expect(errorLines(error)).toEqual([
      'Cannot reach PostgreSQL (reset).',
      'cause: fetch failed for postgres://…@db/d password=…',
      'cause: connect ECONNREFUSED ::1:1',
    ])
  })

  it('end, although causes are endless', () => {
    const error = new Error('one')
    error.cause = new Error('two', { cause: error })
    expect(errorLines(error)).toEqual(['one', 'cause: two'])
    expect(errorLines('write `secret: [new, old]`')).toEqual(['write `secret: [new, old]`'])
    expect(errorLines(null)).toEqual(['null'])
  })
})
