import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activityOf } from '../../src/console/activity.ts'
import { toCsv } from '../../src/console/csv.ts'
import { deviceName } from '../../src/console/device-name.ts'
import { html, lines, prose } from '../../src/console/html.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { whyEnded } from '../../src/core/session/why-ended.ts'
import { END_REASONS } from '../../src/portable/end-reason.ts'
import { openWithClock } from '../support/sessions.ts'

describe('a device in words', () => {
  it.each([
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
      'desktop',
      'Chrome 142 on macOS',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
      'desktop',
      'Edge 142 on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
      'phone',
      'Safari 18 on iPhone',
    ],
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
      'desktop',
      'Firefox 145 on Linux',
    ],
    [
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
      'phone',
      'Chrome 142 on Android',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36',
      'phone',
      'Samsung Internet 27 on Android',
    ],
    ['MyShop/42.1 CFNetwork/1568.200.51 Darwin/24.1.0', 'app', 'MyShop 42.1 on iOS or macOS'],
    ['MyShop/42 (com.example.shop; build:7; iOS 17.5.1) Alamofire/5.9.1', 'app', 'MyShop 42 on iOS or macOS'],
    ['okhttp/4.12.0', 'app', 'okhttp 4.12.0'],
    ['Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)', 'app', 'Dalvik 2.1.0 on Android'],
    ['curl/8.5.0', 'program', 'curl 8.5.0'],
    ['node', 'unknown', 'node'],
    ['<script>', 'unknown', '<script>'],
    [`Nobody ${'x'.repeat(250)}`, 'unknown', `Nobody ${'x'.repeat(73)}…`],
    ['Mozilla/', 'unknown', 'Mozilla/'],
    ['', 'unknown', 'Unknown device'],
    ['   ', 'unknown', 'Unknown device'],
    [null, 'unknown', 'Unknown device'],
  ] as const)('%s', (userAgent, kind, name) => {
    expect(deviceName(userAgent)).toStrictEqual({ kind, name })
  })
})

describe('a template', () => {
  it('escapes texts, and leaves out what is not there', () => {
    const { text } = html`<a title="${'"<&>\''}">${['<b>', html`<i>${1}</i>`]}${null}${false}</a>`
    expect(text).toBe('<a title="&#34;&#60;&#38;&#62;&#39;">&#60;b&#62;<i>1</i></a>')
  })

  it('shows control characters instead of sending them', () => {
    expect(html`${'\u202e\u0000\n'}`.text).toBe('\\u202e\\u0000\\u000a')
    expect(lines('a\n<b>\r').text).toBe('a\n&#60;b&#62;\\u000d')
  })

  it('makes times and code of sentences', () => {
    const { text } = prose(
      'At 2026-11-23T20:54:55.123Z by `a <b>` & c.',
      (at) => html`<time>${at.getTime()}</time>`,
    )
    expect(text).toBe('At <time>1795467295123</time> by <code>a &#60;b&#62;</code> &#38; c.')
  })

  it('leaves a text that looks like a time and is none', () => {
    const text = 'At 9999-99-99T99:99:99.999Z, and `2026-13-01T00:00:00.000Z`.'
    expect(prose(text, (at) => html`<time>${at.toISOString()}</time>`).text).toBe(
      'At 9999-99-99T99:99:99.999Z, and <code>2026-13-01T00:00:00.000Z</code>.',
    )
  })

  it('has words for every reason', async () => {
    const { sessions } = await openWithClock()
    const { session } = await sessions.create({ userId: 'anna' })
    for (const endReason of [...END_REASONS, 'other', 'a `reason` <of> 2026-11-23T20:54:55.123Z']) {
      const ended = { ...session, active: false, endReason, endedAt: session.createdAt }
      const { text } = prose(
        whyEnded(ended, new Date(), (at) => at.toISOString()),
        () => html`<time></time>`,
      )
      expect(text).toContain('<time></time>')
      expect(text).not.toMatch(/<of>|\dT\d/)
    }
  })

  it('says of an acting session what the administrator did, and no more than the row knows', async () => {
    const { sessions } = await openWithClock()
    const { session } = await sessions.create({ userId: 'anna', absoluteTimeout: 900 })
    const actor = { userId: 'root', sessionId: session.sessionId }
    const why = (endReason: string | null, userId = 'root'): string => {
      const endedAt = endReason === null ? null : session.absoluteExpiresAt
      const acting = { ...session, actor: { ...actor, userId }, active: endedAt === null, endReason, endedAt }
      return whyEnded(acting, session.createdAt, (at) => (at > session.createdAt ? 'LATER' : 'NOON'))
    }
    const notOwn = " This is not one of the user's own sessions."
    expect(why('logout')).toBe(
      `An administrator (root) stopped acting as this user at LATER, or signed out.${notOwn}`,
    )
    expect(why('absolute')).toBe(
      `An administrator (root) started to act as this user at NOON. The acting session reached its lifetime of 15 min at LATER, or ended before that with the administrator's session.${notOwn}`,
    )
    expect(why('replaced', '')).toBe(
      `An administrator (erased) started to act as this user at NOON. A new login in the administrator's browser ended the acting session at LATER.${notOwn}`,
    )
    expect(why('revoked')).toMatch(/^The session was revoked at LATER, .* own sessions\.$/)
    expect(why(null)).toBe(
      `An administrator (root) started to act as this user at NOON. The acting session lasts until LATER at the latest, and ends before that if the administrator's session ends.${notOwn}`,
    )
  })
})

const FORMULAS = [
  '=1',
  '+1',
  '-1',
  '@x',
  ' =1',
  '\n=1',
  '\r\n=1',
  '\u0000=1',
  '\u00a0@x',
  '＝1',
  '＋1',
  '－1',
  '＠x',
]

it.each([...FORMULAS, '\tx', '\nx'])('a cell of CSV that begins like a formula: %j', (text) => {
  expect(toCsv([[text]]).replaceAll('"', '')).toMatch(/^'/)
})

/** Reads CSV as a spreadsheet does that splits lines at these characters. Quotes count at the begin of a cell. */
function readAt(separators: readonly string[], csv: string, quotes: boolean): string[] {
  const cells: string[] = []
  let [cell, isQuoted] = ['', false]
  for (let at = 0; at < csv.length; at++) {
    const character = csv[at]!
    if (quotes && character === '"' && (isQuoted || cell === '')) {
      if (isQuoted && csv[at + 1] === '"') cell += csv[++at]
      else isQuoted = !isQuoted
    } else if (!isQuoted && [...separators, '\r', '\n'].includes(character)) {
      cells.push(cell)
      cell = ''
    } else cell += character
  }
  return [...cells, cell]
}

const COMPUTED = /^[\s\p{Cc}"]*[=+\-@＝＋－＠]/u
const SEPARATORS = [',', ';', '|', '\t']

it.each(SEPARATORS)('a spreadsheet that splits CSV at %j takes no cell for a formula', (separator) => {
  for (const formula of FORMULAS) {
    const agent = `Mozilla/5.0 (X11${separator}${formula}${separator}"${formula}"`
    const csv = toCsv([['2026-01-01', agent, 'anna']])
    for (const quotes of [true, false])
      expect(readAt([separator], csv, quotes).filter((cell) => COMPUTED.test(cell))).toEqual([])
  }
})

it('no text at all makes a formula of a cell, whatever a spreadsheet splits CSV at', () => {
  const text = fc.string({ unit: fc.constantFrom(...SEPARATORS, ...'\r\n"\'=+-@＝x1\u0000'), maxLength: 12 })
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 4 }),
      fc.subarray(SEPARATORS, { minLength: 1 }),
      fc.boolean(),
      (row, separators, quotes) => {
        const cells = readAt(separators, toCsv([['begin', ...row]]), quotes)
        expect(cells.filter((cell) => COMPUTED.test(cell))).toEqual([])
      },
    ),
    { numRuns: 2000 },
  )
})

it('a table as CSV', () => {
  expect(
    toCsv([
      ['a', 'b,c', 'd"e', null],
      ['=1', '\t', '@x', 'l\nm'],
      ['a;b', 'a b', 'a|b', '2001:db8::7'],
    ]),
  ).toBe('a,"b,c","d""e",\r\n\'=1,"\'\t",\'@x,"l\nm"\r\n"a;b",a b,"a|b",2001:db8::7\r\n')
})

describe('the activity of a process', () => {
  it('counts by minute, forgets after 30, and never mixes times', async () => {
    const { sessions, clock } = await openWithClock()
    const activity = activityOf(sessions[ENGINE])
    expect(activityOf(sessions[ENGINE])).toBe(activity)
    const login = () => sessions.create({ userId: 'anna' })
    await login()
    await login()
    expect(activity.lastMinute(clock.now())).toEqual({ refreshed: 0, created: 2, ended: 0, reused: 0 })
    clock.advance(60)
    await login()
    expect(activity.lastMinute(clock.now()).created).toBe(1)
    expect(activity.minutes(clock.now(), 'created').slice(-3)).toEqual([0, 2, 1])
    clock.advance(29 * 60)
    expect(activity.minutes(clock.now(), 'created').slice(0, 2)).toEqual([1, 0])
    clock.advance(60 * 60)
    expect(activity.minutes(clock.now(), 'created')).toEqual(Array(30).fill(0))
  })

  it('remembers a bounded number of events, an outage once', async () => {
    const { sessions } = await openWithClock()
    const { events } = sessions[ENGINE]
    const activity = activityOf(sessions[ENGINE])
    for (let n = 0; n < 500; n++)
      events.emit('storeUnavailable', { operation: 'poll', error: new Error('postgres://u:password@host') })
    expect(activity.notable()).toMatchObject([{ name: 'storeUnavailable', times: 500 }])
    for (let n = 0; n < 5000; n++)
      events.emit('reused', { sessionId: `s${n}`, userId: 'u', ip: null, userAgent: null })
    expect(activity.notable()).toHaveLength(200)
    expect([activity.ofSession('s4999').length, activity.ofSession('s0').length]).toEqual([1, 0])
    for (let n = 0; n < 300; n++) await sessions.create({ userId: 'anna' })
    expect(activity.notable()[0]).toMatchObject({ name: 'reused', sessionId: 's4999' })
  })

  it('keeps its last actions, however many other events follow', async () => {
    const { sessions, clock } = await openWithClock()
    const { events } = sessions[ENGINE]
    const activity = activityOf(sessions[ENGINE])
    const nowhere = { ip: null, userAgent: null }
    const action = { action: 'end-session', actor: 'maria', sessions: 1 } as const
    events.emit('consoleAction', { ...action, sessionId: 's1', userId: 'anna' })
    clock.advance(1)
    for (let n = 0; n < 2000; n++) {
      const named = { sessionId: `x${n}`, userId: 'berta' }
      events.emit('contextChanged', { ...named, from: nowhere, to: nowhere })
      events.emit('reused', { ...named, ...nowhere })
    }
    const kept = { name: 'consoleAction', sessionId: 's1' }
    expect(activity.ofSession('s1')).toMatchObject([kept])
    expect(activity.actionsOn('anna')).toMatchObject([kept])
    expect(activity.notable()).toHaveLength(201)
    expect(activity.notable().at(-1)).toMatchObject(kept)
    clock.advance(1)
    for (let n = 0; n < 300; n++)
      events.emit('consoleAction', { ...action, sessionId: `s${n + 2}`, userId: 'anna' })
    expect(activity.actionsOn('anna')).toHaveLength(300)
    expect(activity.ofSession('s1')).toEqual([])
    expect(activity.notable().slice(0, 301)).toMatchObject([
      { sessionId: 's301' },
      ...Array.from({ length: 299 }, () => ({ name: 'consoleAction' })),
      { name: 'reused', sessionId: 'x1999' },
    ])
  })

  it('drops the events that name a user whom this process deletes', async () => {
    const { sessions } = await openWithClock()
    const { events } = sessions[ENGINE]
    const activity = activityOf(sessions[ENGINE])
    const nowhere = { ip: null, userAgent: null }
    const action = { action: 'end-user', sessionId: null, sessions: 1 } as const
    events.emit('reused', { sessionId: 's1', userId: 'anna', ...nowhere })
    events.emit('reused', { sessionId: 's2', userId: 'berta', ...nowhere })
    events.emit('consoleAction', { ...action, actor: 'anna', userId: 'berta' })
    events.emit('consoleAction', { ...action, actor: 'carla', userId: 'anna' })
    events.emit('actingStopped', {
      sessionId: 's3',
      userId: 'berta',
      actor: { userId: 'anna', sessionId: 's1' },
      ...nowhere,
    })
    // These name the session alone. The last one is known by the actor.
    for (const sessionId of ['s1', 's2', 's4'])
      events.emit('refreshLimited', { sessionId, reason: 'refreshesPerMinute' })
    events.emit('actingStopped', {
      sessionId: 's5',
      userId: 'berta',
      actor: { userId: 'anna', sessionId: 's4' },
      ...nowhere,
    })
    expect(activity.notable()).toHaveLength(9)
    await sessions.deleteUser('anna')
    expect(activity.notable()).toMatchObject([
      { name: 'refreshLimited', sessionId: 's2' },
      { name: 'reused', userId: 'berta' },
    ])
    const left = ['s1', 's2', 's3', 's4', 's5'].map((id) => activity.ofSession(id).length)
    expect(left).toStrictEqual([0, 2, 0, 0, 0])
    expect([activity.actionsOn('anna'), activity.actionsOn('berta')]).toStrictEqual([[], []])
  })
})
