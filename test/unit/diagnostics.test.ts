import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createEvents } from '../../src/core/observability/events.ts'
import { openSessions } from '../support/sessions.ts'

function hear(channel: string, listener: (message: unknown) => void): void {
  subscribe(channel, listener)
  onTestFinished(() => void unsubscribe(channel, listener))
}

describe('a diagnostics channel', () => {
  it('carries the events of its name, of every `Sessions` of the process', async () => {
    const heard: unknown[] = []
    hear('pawl:created', (event) => heard.push(event))
    const sessions = await openSessions()
    const other = await openSessions()
    const { session } = await sessions.create({ userId: 'u', ip: '192.0.2.1', userAgent: 'Browser' })
    await other.create({ userId: 'v' })
    expect(heard).toStrictEqual([
      { sessionId: session.sessionId, userId: 'u', ip: '192.0.2.1', userAgent: 'Browser' },
      { sessionId: expect.any(String), userId: 'v', ip: null, userAgent: null },
    ])
  })

  it('has the events of the start, before `createSessions` returns', async () => {
    const heard: unknown[] = []
    hear('pawl:keysRotated', (event) => heard.push(event))
    await openSessions()
    expect(heard).toMatchObject([{ epoch: 1 }])
  })

  it('can be subscribed and unsubscribed at any time', async () => {
    const sessions = await openSessions()
    await sessions.create({ userId: 'u' })
    const listener = vi.fn()
    subscribe('pawl:created', listener)
    await sessions.create({ userId: 'u' })
    unsubscribe('pawl:created', listener)
    await sessions.create({ userId: 'u' })
    expect(listener).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ userId: 'u' }), 'pawl:created')
  })

  it('has only the events of its name', () => {
    const listener = vi.fn()
    hear('pawl:reused', listener)
    createEvents().emit('refreshLimited', { sessionId: 's', reason: 'refreshesPerMinute' })
    expect(listener).not.toHaveBeenCalled()
  })

  it('lets the request and the other subscribers go on when a subscriber throws, which Node reports', async () => {
    // In a separate process, because vitest handles uncaught exceptions.
    const source = new URL('../../src/core/observability/events.ts', import.meta.url).href
    const script = `
      import { subscribe } from 'node:diagnostics_channel'
      const { createEvents } = await import(${JSON.stringify(source)})
      subscribe('pawl:secretUnknown', () => { throw new Error('in the subscriber') })
      subscribe('pawl:secretUnknown', () => console.log('second'))
      process.on('uncaughtException', (error) => console.log('reported:', error.message))
      const events = createEvents()
      events.on('secretUnknown', () => console.log('listener'))
      events.emit('secretUnknown', {})
      console.log('request')`
    const child = execFile(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
    let output = ''
    child.stdout!.on('data', (chunk: string) => {
      output += chunk
    })
    await once(child, 'close')
    expect(output.trim().split('\n')).toStrictEqual([
      'second',
      'listener',
      'request',
      'reported: in the subscriber',
    ])
  })
})
