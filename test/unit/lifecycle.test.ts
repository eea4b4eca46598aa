import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { SECRET } from '../support/secrets.ts'

function watched(): { store: ReturnType<typeof memory>; closed(): number } {
  let closed = 0
  const store = {
    ...memory(),
    async close() {
      closed++
    },
  }
  return { store, closed: () => closed }
}

describe('close', () => {
  it('closes the store once, however often it is called', async () => {
    const { store, closed } = watched()
    const sessions = await createSessions({ store, secret: SECRET })
    await Promise.all([sessions.close(), sessions.close()])
    await sessions.close()
    expect(closed()).toBe(1)
  })

  it('is called at the end of an `await using` block', async () => {
    const { store, closed } = watched()
    {
      await using sessions = await createSessions({ store, secret: SECRET })
      expect((await sessions.create({ userId: 'u' })).session.active).toBe(true)
      expect(closed()).toBe(0)
    }
    expect(closed()).toBe(1)
  })

  it('leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const sessions = await createSessions({ store: memory(), secret: SECRET })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    sessions.verify((await sessions.refresh(refreshToken.value)).accessToken.value)
    await sessions.close()
    expect(timers()).toBe(before)
  })
})

describe('a start that fails', () => {
  it('closes the store', async () => {
    const { store, closed } = watched()
    const broken = { ...store, keys: () => Promise.reject(new Error('no keys')) }
    await expect(createSessions({ store: broken, secret: SECRET })).rejects.toThrow(new Error('no keys'))
    expect(closed()).toBe(1)
  })

  it('reports its own error, not that of closing', async () => {
    const store = {
      ...memory(),
      start: () => Promise.reject(new Error('start')),
      close: () => Promise.reject(new Error('close')),
    }
    await expect(createSessions({ store, secret: SECRET })).rejects.toThrow(new Error('start'))
  })
})
