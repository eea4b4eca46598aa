import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import type { Store } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openSessions } from '../support/sessions.ts'

describe('a listener', () => {
  it('gets events until it is removed', async () => {
    const sessions = await openSessions()
    const heard: unknown[] = []
    const remove = sessions.on('created', (event) => heard.push(event))
    const { session } = await sessions.create({ userId: 'u' })
    remove()
    remove()
    await sessions.create({ userId: 'u' })
    expect(heard).toStrictEqual([{ sessionId: session.sessionId, userId: 'u', ip: null, userAgent: null }])
  })

  it('that throws breaks neither the request nor the other listeners, and is reported', async () => {
    const sessions = await openSessions()
    sessions.on('created', () => {
      throw new Error('in the listener')
    })
    const heard = listen(sessions, 'created')
    const warnings = collectWarnings()
    const { session } = await sessions.create({ userId: 'u' })
    expect(session.active).toBe(true)
    expect(heard).toHaveLength(1)
    expect(warnings).toMatchObject([{ name: 'PawlWarning' }])
  })

  it('that is async and rejects breaks neither, and is reported', async () => {
    const sessions = await openSessions()
    sessions.on('created', async () => {
      throw new Error('in the async listener')
    })
    const warnings = collectWarnings()
    await sessions.create({ userId: 'u' })
    await vi.waitFor(() => expect(warnings).toMatchObject([{ name: 'PawlWarning' }]))
  })
})

describe('an event', () => {
  it('carries no token', async () => {
    const sessions = await openSessions()
    const names = ['created', 'refreshed', 'rotated', 'reused', 'ended'] as const
    const heard = names.map((name) => listen(sessions, name))
    const { refreshToken, accessToken, session } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    await sessions.revoke(session.sessionId)
    const text = JSON.stringify(heard)
    expect(heard.map((events) => events.length)).toStrictEqual([1, 1, 1, 0, 1])
    for (const { value } of [refreshToken, accessToken, child.refreshToken!, child.accessToken]) {
      for (const part of value.split('.')) expect(text).not.toContain(part.slice(-20))
    }
  })
})

describe('background work', () => {
  it('does not inherit the async context of the request that called `createSessions`', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const inner = memory()
    const store: Store = {
      ...inner,
      async changes(since, after, limit) {
        seen.push(requests.getStore())
        return inner.changes(since, after, limit)
      },
    }
    const sessions = await requests.run('the first request', () =>
      openSessions({ store, revocation: { pollInterval: 0.1 } }),
    )
    await expect.poll(() => seen.length).toBeGreaterThan(1)
    expect(new Set(seen)).toStrictEqual(new Set([undefined]))
    await sessions.close()
  })
})
