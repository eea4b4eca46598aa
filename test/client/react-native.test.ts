import { act, createElement, type ReactNode, StrictMode } from 'react'
import { create } from 'react-test-renderer'
import { beforeEach, expect, it, vi } from 'vitest'
import type { SessionClient } from '../../src/client/index.ts'
import { checkWhenActive, secureStoreTokens } from '../../src/client/native/index.ts'
import { SessionProvider, useSession, useSessionClient } from '../../src/client/react/index.ts'
import { fakeAppState } from './support/fake-app-state.ts'
import { createDevice, fakeSecureStore } from './support/fake-keychains.ts'
import { openWorld, type User, until } from './support/world.ts'

/*
 * A renderer without a DOM, as React Native is one: there are no window, no document and no events.
 */

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('IS_REACT_NATIVE_TEST_ENVIRONMENT', true)
  for (const name of ['addEventListener', 'removeEventListener', 'BroadcastChannel', 'location', 'origin'])
    vi.stubGlobal(name, undefined)
  return () => void vi.unstubAllGlobals()
})

function Screen(): ReactNode {
  const { status, user } = useSession<User>()
  const client = useSessionClient<User>()
  return createElement(
    'Text',
    { onPress: () => client.signOut() },
    user === null ? status : `${status} ${user.id}`,
  )
}

it('useSession follows the client in React Native: a start without a network, the wake-up, the sign-out', async () => {
  expect([typeof window, typeof document]).toStrictEqual(['undefined', 'undefined'])
  const world = await openWorld()
  const device = createDevice()
  let isOffline = false
  const network: typeof fetch = async (input, init) => {
    if (isOffline) throw new TypeError('Network request failed')
    return world.fetch(input, init)
  }
  const start = (): SessionClient<User> => {
    const tokens = secureStoreTokens(fakeSecureStore(device))
    const user = tokens.rememberUser(async (fetch) => {
      const response = await fetch('/me')
      return response.ok ? ((await response.json()) as User) : null
    })
    return world.client({ tokens, user, fetch: network, onProblem: () => {} })
  }
  await world.login(start())
  await until(() => expect(device.entries.size).toBe(2))

  isOffline = true
  const client = start()
  const app = fakeAppState('active')
  const stop = checkWhenActive(client, app)
  const element = createElement(
    StrictMode,
    null,
    createElement(SessionProvider, { client: client as SessionClient }, createElement(Screen)),
  )
  const screen = await act(async () => create(element))
  await act(() => until(() => expect(client.session.status).toBe('signed-in')))
  expect(screen.toJSON()).toMatchObject({ type: 'Text', children: ['signed-in anna'] })

  isOffline = false
  app.become('background')
  world.expire()
  await act(async () => app.become('active'))
  await act(() => until(() => expect(world.count('POST /session/refresh')).toBe(1)))
  expect(screen.toJSON()).toMatchObject({ children: ['signed-in anna'] })

  await act(() => screen.root.findByType('Text' as never).props['onPress']())
  expect(screen.toJSON()).toMatchObject({ children: ['signed-out'] })
  expect([...device.entries.keys()]).toStrictEqual([])
  await act(async () => screen.unmount())
  stop()
})
