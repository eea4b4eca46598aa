import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createEvents, type Events, reportThrown } from '../../src/core/observability/events.ts'
import { type Logger, logEvents, processWarnings } from '../../src/core/observability/logger.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createLog, type LogLine } from '../support/logger.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

/** Events that are logged, with a clock of their own. */
function logged(): { events: Events; lines: LogLine[]; advance: (seconds: number) => void } {
  const { logger, lines } = createLog()
  const events = createEvents()
  const clock = createFakeClock()
  logEvents(events, logger, clock.now)
  return { events, lines, advance: clock.advance }
}

const CONFIRM = { operation: 'confirm', error: new Error('gone') } as const

describe('a logger', () => {
  it('gets the events of a session, each at its level, with their fields', async () => {
    const { logger, lines } = createLog()
    const sessions = await openSessions({ logger })
    const { session, refreshToken } = await sessions.create({ userId: 'u', ip: '192.0.2.1' })
    const { sessionId } = session
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    await sessions.revoke(sessionId, 'logout')
    const about = { sessionId, userId: 'u' }
    expect(lines.filter(({ fields }) => 'sessionId' in fields)).toStrictEqual([
      {
        level: 'debug',
        message: 'session created',
        fields: { event: 'created', ...about, ip: '192.0.2.1', userAgent: null },
      },
      {
        level: 'debug',
        message: 'session refreshed',
        fields: { event: 'refreshed', ...about, verdict: 'current' },
      },
      {
        level: 'debug',
        message: 'session rotated',
        fields: { event: 'rotated', ...about, generation: 1, reason: 'use' },
      },
      { level: 'info', message: 'session ended', fields: { event: 'ended', ...about, reason: 'logout' } },
    ])
    const text = JSON.stringify(lines)
    for (const { value } of [refreshToken, child.accessToken, child.refreshToken!]) {
      for (const part of value.split('.')) expect(text).not.toContain(part.slice(-20))
    }
  })

  it('gets errors under the name `err`', () => {
    const { events, lines } = logged()
    const error = new Error('it does not open')
    events.emit('keyTrouble', { epoch: 3, error })
    expect(lines).toStrictEqual([
      {
        level: 'error',
        message: 'a signing key cannot be used or created',
        fields: { event: 'keyTrouble', epoch: 3, err: error },
      },
    ])
    expect((lines[0]!.fields as { err: unknown }).err).toBe(error)
  })

  it('is called as a method, as class instances need', () => {
    const { logger, lines } = createLog()
    class Wrapped implements Logger {
      #to = logger
      debug(fields: object, message: string): void {
        this.#to.debug(fields, message)
      }
      info(fields: object, message: string): void {
        this.#to.info(fields, message)
      }
      warn(fields: object, message: string): void {
        this.#to.warn(fields, message)
      }
      error(fields: object, message: string): void {
        this.#to.error(fields, message)
      }
    }
    const events = createEvents()
    logEvents(events, new Wrapped())
    events.emit('feedListening', {})
    expect(lines).toHaveLength(1)
  })

  it('that throws breaks no request and is reported once', async () => {
    const warned = collectWarnings()
    const fail = (): never => {
      throw new Error('disk full')
    }
    const sessions = await openSessions({ logger: { debug: fail, info: fail, warn: fail, error: fail } })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    await sessions.refresh(refreshToken.value)
    expect(await sessions.revoke(session.sessionId)).toBe(true)
    expect(warned).toStrictEqual([
      { name: 'PawlWarning', message: '`logger` threw (reported only once): disk full' },
    ])
  })

  it('that is async and rejects breaks no request', async () => {
    const fail = async (): Promise<never> => {
      throw new Error('disk full')
    }
    const events = createEvents()
    logEvents(events, { debug: fail, info: fail, warn: fail, error: fail })
    const warned = collectWarnings()
    events.emit('pruned', { sessions: 1, keys: 0 })
    events.emit('pruned', { sessions: 2, keys: 0 })
    await vi.waitFor(() => expect(warned).toMatchObject([{ message: expect.stringContaining('disk full') }]))
  })
})

describe('a frequent event', () => {
  it('is logged at most once in ten seconds, with the number of suppressed events', () => {
    const { events, lines, advance } = logged()
    for (let i = 0; i < 5000; i++) events.emit('storeUnavailable', CONFIRM)
    expect(lines).toHaveLength(1)
    expect(lines[0]!.fields).toStrictEqual({
      event: 'storeUnavailable',
      operation: 'confirm',
      err: CONFIRM.error,
    })
    advance(9.999)
    events.emit('storeUnavailable', CONFIRM)
    expect(lines).toHaveLength(1)
    advance(0.001)
    events.emit('storeUnavailable', CONFIRM)
    expect(lines).toHaveLength(2)
    expect(lines[1]!.fields).toMatchObject({ suppressed: 5000 })
    advance(10)
    events.emit('storeUnavailable', CONFIRM)
    expect(lines[2]!.fields).not.toHaveProperty('suppressed')
  })

  it('does not silence other events', () => {
    const { events, lines } = logged()
    for (let i = 0; i < 3; i++) {
      events.emit('storeUnavailable', CONFIRM)
      events.emit('confirmationsDropped', { count: 1, reason: 'store' })
      events.emit('secretUnknown', {})
      events.emit('refreshLimited', { sessionId: 's', reason: 'refreshesPerMinute' })
      events.emit('rolledBack', { sessionId: 's', userId: 'u', from: 1, to: 3 })
      events.emit('feedOverflowed', { dropped: 1, refreshBefore: new Date(0) })
    }
    expect(lines.map(({ level }) => level)).toStrictEqual(Array(6).fill('warn'))
  })

  it('does not include reuse: every reuse is logged', () => {
    const { events, lines } = logged()
    const about = { userId: 'u', ip: null, userAgent: null }
    for (const sessionId of ['one', 'two', 'three']) events.emit('reused', { sessionId, ...about })
    expect(lines.map(({ fields }) => (fields as { sessionId: string }).sessionId)).toStrictEqual([
      'one',
      'two',
      'three',
    ])
    expect(lines.every(({ level }) => level === 'warn')).toBe(true)
  })
})

describe('without a logger', () => {
  it('a warning becomes a process warning with its fields and a code', () => {
    const events = createEvents()
    logEvents(events, processWarnings)
    const warned = collectWarnings()
    events.emit('reused', { sessionId: 's-1', userId: 'u', ip: '192.0.2.1', userAgent: null })
    expect(warned).toStrictEqual([
      {
        name: 'PawlWarning',
        code: 'PAWL_REUSED',
        message:
          'reuse detected: a superseded refresh token came back (sessionId: "s-1", userId: "u", ip: "192.0.2.1")',
      },
    ])
  })

  it('an action of the console names the administrator', () => {
    const events = createEvents()
    logEvents(events, processWarnings)
    const warned = collectWarnings()
    const none = { sessionId: null, userId: null }
    events.emit('consoleAction', { action: 'end-user', actor: 'maria', ...none, userId: 'anna', sessions: 2 })
    events.emit('consoleAction', { action: 'rotate-keys', actor: 'maria', ...none, sessions: 0 })
    const [name, code] = ['PawlWarning', 'PAWL_CONSOLE_ACTION']
    const acted = 'administrator acted by the console'
    expect(warned).toStrictEqual([
      { name, code, message: `${acted} (action: "end-user", actor: "maria", userId: "anna", sessions: 2)` },
      { name, code, message: `${acted} (action: "rotate-keys", actor: "maria", sessions: 0)` },
    ])
  })

  it('includes the cause of an unavailable store', () => {
    const cause = new Error('connect ECONNREFUSED')
    const events = createEvents()
    logEvents(events, processWarnings)
    const warned = collectWarnings()
    events.emit('storeUnavailable', { operation: 'poll', error: new Error('PostgreSQL is gone', { cause }) })
    expect(warned).toStrictEqual([
      {
        name: 'PawlWarning',
        code: 'PAWL_STORE_UNAVAILABLE',
        message:
          'background work could not reach the store (operation: "poll", err: "PostgreSQL is gone: connect ECONNREFUSED")',
      },
    ])
  })

  it('a client cannot forge log lines', () => {
    const warned = collectWarnings()
    processWarnings.warn({ event: 'reused', userAgent: 'x\n(node:1) Warning: forged' }, 'message')
    expect(warned).toMatchObject([{ message: expect.not.stringContaining('\n') }])
  })

  it('a client cannot control the terminal that shows the log', () => {
    // CSI, NEL, line and paragraph separator, bidirectional override, zero-width space, half a surrogate pair.
    const hostile = '\u009b2J\u0085\u2028\u2029\u202e\u200b\ud800'
    const escaped = '\\u009b2J\\u0085\\u2028\\u2029\\u202e\\u200b\\ud800'
    const warned = collectWarnings()
    const events = createEvents()
    logEvents(events, processWarnings)
    events.emit('reused', { sessionId: 's-1', userId: hostile, ip: null, userAgent: hostile })
    const error = new Error(hostile, { cause: new Error(hostile) })
    events.emit('storeUnavailable', { operation: 'poll', error })
    processWarnings.warn({ [hostile]: 1 }, hostile)
    reportThrown(hostile, error)
    expect(warned.map(({ message }) => message)).toStrictEqual([
      `reuse detected: a superseded refresh token came back (sessionId: "s-1", userId: "${escaped}", userAgent: "${escaped}")`,
      `background work could not reach the store (operation: "poll", err: "${escaped}: ${escaped}")`,
      `${escaped} (${escaped}: 1)`,
      `${escaped} threw: ${escaped}`,
    ])
  })

  it('a message that is no event becomes a warning without a code', () => {
    const warned = collectWarnings()
    processWarnings.error({}, 'message')
    expect(warned).toStrictEqual([{ name: 'PawlWarning', message: 'message' }])
  })

  async function openUnlogged(): Promise<Sessions> {
    const sessions = await createSessions({ store: memory(), secret: SECRET })
    onTestFinished(() => sessions.close())
    return sessions
  }

  it('warns of a token made with another secret', async () => {
    const foreign = await openSessions({ secret: FOREIGN_SECRET })
    const { refreshToken } = await foreign.create({ userId: 'u' })
    const sessions = await openUnlogged()
    const warned = collectWarnings()
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow()
    expect(warned).toMatchObject([{ name: 'PawlWarning', code: 'PAWL_SECRET_UNKNOWN' }])
  })

  it('drops messages below warnings', async () => {
    const warned = collectWarnings()
    const sessions = await openUnlogged()
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.refresh(refreshToken.value)
    await sessions.revoke(session.sessionId)
    expect(warned).toStrictEqual([])
  })
})

describe('the option `logger`', () => {
  it.each([
    ['null', null],
    ['a function', () => {}],
    ['too few methods', { warn() {}, error() {} }],
  ])('does not take %s', async (_name, logger) => {
    await expect(openSessions({ logger: logger as never })).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'logger' }) as Error,
    )
  })
})
