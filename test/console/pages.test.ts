import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { sessionsConsole } from '../../src/console/index.ts'
import type { ReusePage, ReuseRecord } from '../../src/core/inspection.ts'
import type { Position } from '../../src/core/store.ts'
import { StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { mute } from '../support/mute.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { openSessions } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'
import { linksOf, MARIA, openConsole, wordsOf } from './support/console.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
const MINUTE = 60

describe('the page of a session', () => {
  it('tells its life: sign-in, turns, a new address, authentication, and the end with its reason', async () => {
    const clock = createFakeClock()
    const console = await openConsole({ now: clock.now })
    const { sessions } = console
    const { session, refreshToken } = await sessions.create({
      userId: 'anna',
      ip: '192.0.2.1',
      userAgent: FIREFOX,
    })
    const { sessionId } = session
    clock.advance(20 * MINUTE)
    const context = { ip: '198.51.100.7', userAgent: FIREFOX }
    const { refreshToken: next } = await sessions.refresh(refreshToken.value, context)
    await sessions.refresh(next!.value, context)
    clock.advance(MINUTE)
    await sessions.reauthenticate(sessionId)
    const active = wordsOf((await console.get(`/sessions/${sessionId}`)).text)
    expect(active).toContain('Session of anna Firefox 145 on Linux')
    expect(active).toMatch(
      /Signed in 2030-01-01 12:00:00Z · 21 min ago .*Address changed from 192\.0\.2\.1 to 198\.51\.100\.7 .*Authenticated again 2030-01-01 12:21:00Z .*Expires, if not used until then/,
    )
    expect(active).toContain('the refresh token has rotated 1 time')
    expect(active).toContain('Version 1: claims or authentication have changed')
    clock.advance(MINUTE)
    await sessions.revoke(sessionId, 'logout')
    const ended = wordsOf((await console.get(`/sessions/${sessionId}`)).text)
    expect(ended).toContain('Ended The user signed out on this device at 2030-01-01 12:22:00Z')
    expect(ended).toContain('Signed out by the user 2030-01-01 12:22:00Z')
    expect(ended).not.toMatch(/Expires, if|End session/)
  })

  it('tells a reuse with the address that presented the old token', async () => {
    const clock = createFakeClock()
    const console = await openConsole({ now: clock.now })
    const { sessions } = console
    const { session, refreshToken } = await sessions.create({ userId: 'anna', ip: '192.0.2.1' })
    const first = await sessions.refresh(refreshToken.value)
    clock.advance(10 * MINUTE)
    await sessions.refresh(first.refreshToken!.value)
    clock.advance(10 * MINUTE)
    await expect(
      sessions.refresh(refreshToken.value, { ip: '203.0.113.66', userAgent: 'curl/8.5.0' }),
    ).rejects.toThrow()
    const words = wordsOf((await console.get(`/sessions/${session.sessionId}`)).text)
    expect(words).toContain(
      'Pawl ended the session at 2030-01-01 12:20:00Z because an old refresh token was used again.',
    )
    expect(words).toContain('An old refresh token came back, from 203.0.113.66')
    const reuse = await console.get('/reuse')
    expect(wordsOf(reuse.text)).toContain('Everything that is stored was searched.')
    expect(wordsOf(reuse.text)).toContain('curl 8.5.0 203.0.113.66')
    expect(linksOf(reuse).get('0 s ago')).toBe(`/admin/sessions/sessions/${session.sessionId}`)
  })

  it('shows claims and data, as far as `redact` lets it', async () => {
    const warnings = collectWarnings()
    const create = { userId: 'anna', claims: { role: 'admin' }, data: { note: 'a secret' } } as never
    const pageWith = async (redact?: (session: never) => unknown) => {
      const console = await openConsole({}, redact === undefined ? {} : { redact: redact as never })
      const { session } = await console.sessions.create(create)
      return wordsOf((await console.get(`/sessions/${session.sessionId}`)).text)
    }
    expect(await pageWith()).toMatch(/"role": "admin".*"note": "a secret"/)
    const redacted = await pageWith(async ({ claims }: { claims: unknown }) => ({ claims, data: 'hidden' }))
    expect(redacted).toMatch(/"role": "admin".*"hidden"/)
    const failing = [
      () => {
        throw new Error('a secret')
      },
      () => Promise.reject(new Error('a secret')),
      () => undefined,
      () => null,
      () => 'a secret',
    ]
    for (const redact of failing) {
      const words = await pageWith(redact)
      expect(words).toContain('Hidden, because the application’s redact did not say what may be shown.')
      expect(words).not.toMatch(/a secret|admin/)
    }
    expect(warnings).toHaveLength(failing.length)
    for (const { message } of warnings) expect(message).toMatch(/^`redact` of the console threw: /)
  })

  it('cuts data that is longer than a page, and hides what JSON cannot hold', async () => {
    const warnings = collectWarnings()
    const console = await openConsole(
      {},
      { redact: () => ({ claims: undefined, data: 'x'.repeat(100_000) }) },
    )
    const { session } = await console.sessions.create({ userId: 'anna' })
    const { text } = await console.get(`/sessions/${session.sessionId}`)
    expect(text.length).toBeLessThan(40_000)
    expect(wordsOf(text)).toMatch(/Claims version 0 nothing .*… \(100,002 characters\)/)
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const odd = await openConsole({}, { redact: () => ({ claims: { n: 1n }, data: circular }) })
    const { session: other } = await odd.sessions.create({ userId: 'anna' })
    const page = await odd.get(`/sessions/${other.sessionId}`)
    expect([page.status, wordsOf(page.text).includes('Hidden')]).toEqual([200, true])
    expect(warnings).toHaveLength(1)
  })

  it('names the administrator who acts in it, and the session that it ends with', async () => {
    const store = memory()
    const console = await openConsole({ store })
    const { session: own } = await console.sessions.create({ userId: 'berta' })
    const { session } = await console.sessions.create({ userId: 'anna' })
    const row = (await store.read(session.sessionId))!
    const id = '01890000-0000-7000-8000-000000000001'
    await store.insert({
      ...row,
      id,
      actor: { userId: 'berta', sessionId: own.sessionId },
      parentId: own.sessionId,
    })
    const page = await console.get(`/sessions/${id}`)
    expect(wordsOf(page.text)).toContain('Acting administrator berta , in …')
    expect(wordsOf(page.text)).toContain('Administrator began to act')
    expect(linksOf(page).get(`…${own.sessionId.slice(-12)}`)).toBe(
      `/admin/sessions/sessions/${own.sessionId}`,
    )
    expect(wordsOf((await console.get('/user?id=anna')).text)).toContain('Acting: administrator berta')
  })
})

describe('the page of a user', () => {
  it('lists devices with their state and why they ended, the active ones alone on request', async () => {
    const clock = createFakeClock()
    const console = await openConsole({ now: clock.now })
    const { session: gone } = await console.sessions.create({
      userId: 'anna',
      userAgent: 'MyShop/3 CFNetwork/1 Darwin/24',
    })
    await console.sessions.create({ userId: 'anna', userAgent: FIREFOX, ip: '2001:db8::7' })
    await console.sessions.revoke(gone.sessionId, 'limit')
    const all = wordsOf((await console.get('/user?id=anna')).text)
    expect(all).toContain('Firefox 145 on Linux Active 2001:db8::7')
    expect(all).toContain(
      'MyShop 3 on iOS or macOS Ended The user had too many sessions, 0 s ago not recorded',
    )
    const active = wordsOf((await console.get('/user?id=anna&show=active')).text)
    expect([active.includes('Firefox'), active.includes('MyShop')]).toEqual([true, false])
    await console.sessions.revokeUser('anna')
    expect(wordsOf((await console.get('/user?id=anna&show=active')).text)).toContain(
      'This user has no active session.',
    )
  })
})

describe('the overview', () => {
  it('shows the figures of the store, this process, its keys and events', async () => {
    const console = await openConsole()
    const { session } = await console.sessions.create({ userId: 'anna' })
    await console.sessions.create({ userId: 'anna' })
    await console.sessions.revoke(session.sessionId)
    await console.sessions.keys.rotate()
    const words = wordsOf((await console.get('/')).text)
    expect(words).toContain(
      'Active sessions 1 counted now Sign-ins 2 in 14 days, counted now Ends 1 in 14 days, counted now',
    )
    expect(words).toMatch(/in the last minute Refreshes 0 Sign-ins 2 Ends 1 Reuse 0/)
    expect(words).toMatch(/Signing keys Rotate key [\w-]{8} HS256 signs in \d+ min [\w-]{8} HS256 signs/)
    expect(words).toContain('signing key published')
    const live = JSON.parse((await console.get('/live.json')).text)
    expect(live).toMatchObject({ rates: { refreshed: 0, created: 2, ended: 1, reused: 0 } })
    expect(live.minutes.created).toHaveLength(30)
  })

  it('of the command shows no events but its own actions', async () => {
    const console = await openConsole({}, { ofCommand: true })
    const { session } = await console.sessions.create({ userId: 'anna' })
    await console.sessions.keys.rotate()
    const words = async (): Promise<string> => wordsOf((await console.get('/')).text)
    expect(await words()).not.toMatch(/Notable events|Nothing out of the ordinary|key published|Actions of/)
    await console.answer(`/actions/end-session?session=${session.sessionId}`)
    expect(await words()).toMatch(/Actions of this console .*by maria@example\.com/)
    expect(await words()).not.toContain('key published')
  })

  it('tells what needs attention, with the remedy', async () => {
    const pool = createPool(await createDatabase())
    const console = await openConsole({ store: mute(postgres({ pool })) })
    await pool.query('delete from pawl.migrations where id = (select max(id) from pawl.migrations)')
    const words = wordsOf((await console.get('/')).text)
    expect(words).toMatch(/Needs attention .*Migration \d+ is missing\. .*Run npx pawl migrate/)
    expect(words).not.toContain('All well')
  })
})

describe('the export of reuse', () => {
  const record = (n: number): ReuseRecord => ({
    sessionId: `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    userId: `user-${n}`,
    at: Date.UTC(2026, 0, 1) - n * 1000,
    signedInAt: 0,
    lastSeenAt: 0,
    holder: { ip: null, userAgent: null },
    presenter: null,
  })

  /** A console on a store that searches for reuse in parts, and the positions after which it was asked to. */
  async function openParts(parts: readonly ReuseRecord[][], more = () => Promise.resolve(LAST_PART)) {
    const store = memory()
    const asked: (number | null)[] = []
    const reuse = (after: Position | null): Promise<ReusePage> => {
      asked.push(after?.at ?? null)
      // Each part searches a minute.
      const index = after === null ? 0 : (Date.UTC(2026, 0, 1) - after.at) / 60_000
      if (index >= parts.length) return more()
      const at = Date.UTC(2026, 0, 1) - (index + 1) * 60_000
      return Promise.resolve({
        found: parts[index]!,
        searchedBackTo: at,
        next: { at, id: record(0).sessionId },
      })
    }
    const now = () => Date.UTC(2026, 0, 2)
    const sessions = await openSessions({ store: { ...store, inspect: { ...store.inspect!, reuse } }, now })
    const show = sessionsConsole(sessions, { authorize: () => MARIA })
    const get = async (path: string) => {
      const url = path.startsWith('/admin') ? path : `/admin/sessions${path}`
      const response = await show(new Request(`http://localhost${url}`))
      const { status, headers } = response
      const name = /filename="([^"]*)"/.exec(headers.get('content-disposition') ?? '')?.[1]
      return { status, headers, name, text: await response.text() }
    }
    return { get, asked }
  }

  const LAST_PART: ReusePage = { found: [], searchedBackTo: null, next: null }

  it('searches on in parts that hold no detection, and has each once', async () => {
    const { get } = await openParts([[], [record(1), record(2)], [record(2), record(3)]])
    const csv = await get('/reuse.csv')
    expect(csv.text.match(/user-\d/g)).toEqual(['user-1', 'user-2', 'user-3'])
    expect(csv.name).toBe('pawl-reuse-2026-01-02.csv')
    const json = JSON.parse((await get('/reuse.json')).text)
    expect(json).toMatchObject({ searchedBackTo: null, next: null, detections: { length: 3 } })
  })

  it('begins with the page that links to it, and says so in its name', async () => {
    const { get, asked } = await openParts([[record(1)], [record(61)]])
    const second = await get(linksOf(await get('/reuse')).get('Older detections')!)
    expect(second.text).toContain('An export begins with this page')
    asked.length = 0
    for (const kind of ['CSV', 'JSON']) {
      const { text, name } = await get(linksOf(second).get(`Export ${kind}`)!)
      expect([text.includes('user-61'), text.includes('user-1,')]).toEqual([true, false])
      expect(name).toBe(`pawl-reuse-2026-01-02-before-2025-12-31T23-59-00Z.${kind.toLowerCase()}`)
    }
    expect(asked[0]).toBe(Date.UTC(2026, 0, 1) - 60_000)
  })

  it('holds 1,000 detections, and then says how far back it searched', async () => {
    const full = Array.from({ length: 1000 }, (_, n) => record(n))
    const { get, asked } = await openParts([full, [record(1001)]])
    expect((await get('/reuse.csv')).name).toBe('pawl-reuse-2026-01-02-back-to-2025-12-31T23-59-00Z.csv')
    expect(asked).toHaveLength(1)
    const json = JSON.parse((await get('/reuse.json')).text)
    expect(json).toMatchObject({
      searchedBackTo: '2025-12-31T23:59:00.000Z',
      next: `${Date.UTC(2026, 0, 1) - 60_000}.${record(0).sessionId}`,
      detections: { length: 1000 },
    })
    const rest = await get(`/reuse.json?after=${json.next}`)
    expect(JSON.parse(rest.text)).toMatchObject({ next: null, detections: [{ userId: 'user-1001' }] })
  })

  it.each([
    ['takes too long', () => new Promise<never>(() => {})],
    ['fails', () => Promise.reject(new StoreUnavailableError('away'))],
  ])(
    'holds what was found before a part of the search %s, and says how far back it searched',
    async (_, last) => {
      const { get } = await openParts([[record(1)]], last)
      vi.useFakeTimers()
      try {
        const asked = get('/reuse.csv')
        await vi.advanceTimersByTimeAsync(2000)
        const { status, text, name } = await asked
        expect([status, name]).toEqual([200, 'pawl-reuse-2026-01-02-back-to-2025-12-31T23-59-00Z.csv'])
        expect(text).toContain('user-1,')
      } finally {
        vi.useRealTimers()
      }
    },
  )
})

describe('the history', () => {
  async function openAudit() {
    const pool = createPool(await createDatabase())
    const console = await openConsole({ store: postgres({ pool, audit: true }) })
    const { session } = await console.sessions.create({ userId: 'anna', ip: '192.0.2.7', userAgent: FIREFOX })
    await console.sessions.create({ userId: 'berta', ip: '2001:db8::7' })
    await console.sessions.revoke(session.sessionId, 'logout')
    return { console, session, pool }
  }

  it('answers who was signed in from where, also after the row is gone', async () => {
    const { console, session, pool } = await openAudit()
    await pool.query('delete from pawl.sessions')
    const day = new Date().toISOString().slice(0, 10)
    const found = async (query: string) => {
      const { status, text } = await console.get(`/history${query}`)
      return [status, (text.match(/<td role="cell" class="first">/g) ?? []).length]
    }
    expect(await found('')).toEqual([200, 3])
    expect(await found('?user=anna')).toEqual([200, 2])
    expect(await found('?network=192.0.2.0/24')).toEqual([200, 2])
    expect(await found('?network=2001:db8::/32')).toEqual([200, 1])
    expect(await found('?network=2001:DB8:0::7')).toEqual([200, 1])
    expect(await found('?network=::ffff:192.0.2.7')).toEqual([200, 2])
    expect(await found(`?user=anna&from=${day}&to=${day}`)).toEqual([200, 2])
    expect(await found('?to=2020-01-01')).toEqual([200, 0])
    const page = await console.get('/history?user=anna')
    expect(wordsOf(page.text)).toMatch(/Ended Signed out by the user anna Firefox 145 on Linux 192\.0\.2\.7/)
    expect((await console.get(`/sessions/${session.sessionId}`)).status).toBe(404)
    expect(linksOf(await console.get('/')).get('History')).toBe('/admin/sessions/history')
  })

  it('does not take an error of the store for a wrong network', async () => {
    const warnings = collectWarnings()
    const store = memory()
    const history = () => Promise.reject(new TypeError('a bug'))
    const console = await openConsole({ store: { ...store, inspect: { ...store.inspect!, history } } })
    expect((await console.get('/history?network=192.0.2.0/24')).status).toBe(500)
    expect(warnings).toMatchObject([{ message: expect.stringContaining('the console threw: ') }])
  })

  it.each([
    'network=x',
    'network=192.0.2.0/33',
    'network=2001:db8::/129',
    'network=::ffff:192.0.2.0/120',
    'network=192.0.2.7:443',
    `network=${'1'.repeat(100)}`,
    'from=2026-13-01',
    'to=today',
    'from=0000-01-01',
    'from=2026-02-31',
    'to=2025-02-29',
    'from=2026-3-1',
    'from=2026-03-02&to=2026-03-01',
    'to=9999-12-31',
    'user=%00',
  ])('says what is wrong with %s', async (query) => {
    const { console } = await openAudit()
    const { status, text } = await console.get(`/history?${query}`)
    expect(status).toBe(400)
    expect(wordsOf(text)).toMatch(/This is no (?:address and no network|day|user id)\.|This is no period: /)
  })
})

describe('the work that a request makes:', () => {
  it('none in the database for somebody who is refused, and none for styles, script and live figures', async () => {
    const { store, calls } = counting(memory())
    const sessions = await openSessions({ store })
    const refused = sessionsConsole(sessions, { authorize: () => null })
    const allowed = sessionsConsole(sessions, { authorize: () => MARIA })
    const { session } = await sessions.create({ userId: 'anna' })
    calls.length = 0
    const ask = async (console: typeof refused, path: string) =>
      (await console(new Request(`http://localhost/admin/sessions${path}`))).status
    for (const path of [
      '/',
      '/users?q=a',
      '/user?id=anna',
      `/sessions/${session.sessionId}`,
      '/actions/end-user?user=anna',
    ])
      expect(await ask(refused, path)).toBe(403)
    for (const path of ['/console.css', '/console.js', '/live.json'])
      expect(await ask(allowed, path)).toBe(200)
    for (const path of ['/sessions/x', '/nothing']) expect(await ask(allowed, path)).toBe(404)
    expect(calls).toEqual([])
  })

  it('one read of the store for all overviews that are open at the same time, in all consoles', async () => {
    const store = memory()
    const inspect = store.inspect!
    const reads: string[] = []
    let waiting: (() => void)[] = []
    const held = async (name: string): Promise<void> => {
      reads.push(name)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    const sessions = await openSessions({
      store: {
        ...store,
        inspect: {
          ...inspect,
          overview: (at, days) => held('overview').then(() => inspect.overview(at, days)),
          status: () => held('status').then(() => inspect.status()),
        },
      },
    })
    const consoles = [1, 2].map(() => sessionsConsole(sessions, { authorize: () => MARIA }))
    const open = async (): Promise<string[]> => {
      const asked = Array.from({ length: 40 }, (_, n) =>
        consoles[n % 2]!(new Request('http://localhost/admin/sessions')),
      )
      await setImmediate()
      for (const resolve of waiting) resolve()
      waiting = []
      return Promise.all(asked.map(async (each) => (await each).text()))
    }
    for (const text of await open()) expect(wordsOf(text)).toContain('Active sessions 0 counted now')
    expect(reads).toEqual(['overview', 'status'])
    // The next ones see what has happened since.
    await sessions.create({ userId: 'anna' })
    for (const text of await open()) expect(wordsOf(text)).toContain('Active sessions 1 counted now')
    expect(reads).toEqual(['overview', 'status', 'overview', 'status'])
  })

  it('one statement for a user and for a session', async () => {
    const pool = createPool(await createDatabase())
    const console = await openConsole({ store: mute(postgres({ pool })) })
    const { session } = await console.sessions.create({ userId: 'anna' })
    const texts: string[] = []
    pool.on('acquire', () => texts.push('statement'))
    expect((await console.get('/user?id=anna')).status).toBe(200)
    expect((await console.get(`/sessions/${session.sessionId}`)).status).toBe(200)
    expect(texts).toHaveLength(2)
  })
})
