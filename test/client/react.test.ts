import { GlobalWindow } from 'happy-dom'
import { act, createElement, type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SessionClient } from '../../src/client/index.ts'
import { SessionProvider, type SessionProviderProps, useSession } from '../../src/client/react/index.ts'
import type { SessionState } from '../../src/client/session-state.ts'
import { openWorld, type User, until } from './support/world.ts'

let renders: string[] = []

function Who(): ReactNode {
  const { status, user } = useSession<User>()
  const text = user === null ? status : `${status} ${user.id}`
  renders.push(text)
  return createElement('p', null, text)
}

const app = (client: SessionClient<User>, initial?: SessionProviderProps['initial']): ReactNode =>
  createElement(
    StrictMode,
    null,
    createElement(SessionProvider, { client: client as SessionClient, initial }, createElement(Who)),
  )

const user = async (fetch: typeof globalThis.fetch): Promise<User | null> => {
  const response = await fetch('/me')
  return response.ok ? ((await response.json()) as User) : null
}

beforeEach(() => {
  renders = []
  const window = new GlobalWindow()
  vi.stubGlobal('window', window)
  vi.stubGlobal('document', window.document)
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  return async () => {
    vi.unstubAllGlobals()
    await window.happyDOM.close()
  }
})

describe('useSession', () => {
  it('follows the client in StrictMode, and loads the user once', async () => {
    const world = await openWorld()
    await world.login(world.client())
    const client = world.client({ user })
    const element = document.createElement('div')
    const root = createRoot(element)
    await act(async () => root.render(app(client)))
    await act(() => until(() => expect(client.session.status).toBe('signed-in')))
    expect(element.textContent).toBe('signed-in anna')
    expect(world.count('GET /me')).toBe(1)
    await act(() => client.signOut())
    expect(element.textContent).toBe('signed-out')
    await act(async () => root.unmount())
    const before = renders.length
    await world.login(client)
    expect(renders).toHaveLength(before)
  })

  it('renders on a server without sending a request, and hydrates the same output', async () => {
    const world = await openWorld()
    const client = world.client({ user })
    expect(renderToString(app(client))).toBe('<p>unknown</p>')
    const initial = { status: 'signed-in', user: { id: 'anna' } } as const
    const html = renderToString(app(client, initial))
    expect(html).toBe('<p>signed-in anna</p>')
    expect(world.log).toStrictEqual([])
    const element = document.createElement('div')
    element.innerHTML = html
    const onRecoverableError = vi.fn()
    const root = await act(async () => hydrateRoot(element, app(client, initial), { onRecoverableError }))
    expect(onRecoverableError).not.toHaveBeenCalled()
    expect(new Set(renders.slice(1))).toStrictEqual(new Set(['signed-in anna']))
    await act(async () => root.unmount())
  })

  it('does not return to `initial` once the client has found out itself', async () => {
    let session: SessionState = { status: 'unknown', user: null }
    const listeners = new Set<(session: SessionState) => void>()
    const client = {
      get session() {
        return session
      },
      check: async () => session,
      onChange(listener: (session: SessionState) => void) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    } as unknown as SessionClient<User>
    const become = (status: SessionState['status']): Promise<void> =>
      act(async () => {
        session = { status, user: null } as SessionState
        for (const listener of listeners) listener(session)
      })
    const element = document.createElement('div')
    const root = createRoot(element)
    await act(async () => root.render(app(client, { status: 'signed-in', user: { id: 'anna' } })))
    expect(element.textContent).toBe('signed-in anna')
    await become('signed-out')
    expect(element.textContent).toBe('signed-out')
    // As after a return from the back/forward cache.
    await become('unknown')
    expect(element.textContent).toBe('unknown')
    await act(async () => root.unmount())
    expect(listeners.size).toBe(0)
  })

  it('throws outside of a provider', () => {
    expect(() => renderToString(createElement(Who))).toThrow('outside of a SessionProvider')
  })
})
