'use client'

import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from 'react'
import type { SessionClient } from '../client.ts'
import { type SessionState, UNKNOWN } from '../session-state.ts'

/** The properties of {@link SessionProvider}. */
export interface SessionProviderProps {
  /** The client of the session. */
  readonly client: SessionClient
  /**
   * The session at the time when the server rendered the page. The hooks return it until the client has found out itself.
   * @defaultValue status `unknown`
   */
  readonly initial?: SessionState | undefined
  /** The components that use the session. */
  readonly children?: ReactNode
}

interface ProviderValue extends Pick<SessionProviderProps, 'client' | 'initial'> {
  /** Whether the client has ever found out itself. From then on, `initial` is ignored. */
  readonly isOutdated: { current: boolean }
}

const Context = createContext<ProviderValue | null>(null)

/**
 * Provides a client to the components below. Unless `initial` says whether somebody is signed in, it calls `client.check()`.
 * Without a response it calls it again at the next event `online` or `focus`.
 *
 * @example
 * const client = createSessionClient()
 * createRoot(element).render(<SessionProvider client={client}><App /></SessionProvider>)
 */
export function SessionProvider({ client, initial, children }: SessionProviderProps): ReactNode {
  const isKnown = initial !== undefined && initial.status !== 'unknown'
  const value = useMemo(() => ({ client, initial, isOutdated: { current: false } }), [client, initial])
  useEffect(() => {
    // In an effect, because the first render must equal the server's.
    const update = (): void => {
      value.isOutdated.current ||= client.session.status !== 'unknown'
    }
    update()
    return client.onChange(update)
  }, [client, value])
  useEffect(() => {
    const check = (): void => {
      // If there is no response, the status stays unknown. The next `online` or `focus` event tries again.
      if (!isKnown && client.session.status === 'unknown') void client.check()
    }
    check()
    globalThis.addEventListener?.('online', check)
    globalThis.addEventListener?.('focus', check)
    return () => {
      globalThis.removeEventListener?.('online', check)
      globalThis.removeEventListener?.('focus', check)
    }
  }, [client, isKnown])
  return createElement(Context.Provider, { value }, children)
}

/**
 * Returns the session. The component renders again whenever the session changes.
 *
 * @example
 * const { status, user } = useSession<User>()
 *
 * @throws TypeError outside of a {@link SessionProvider}
 */
export function useSession<User = unknown>(): SessionState<User> {
  const { client, initial = UNKNOWN, isOutdated } = useProviderValue()
  const session = useSyncExternalStore(
    client.onChange,
    () => client.session,
    () => UNKNOWN,
  )
  return (session.status === 'unknown' && !isOutdated.current ? initial : session) as SessionState<User>
}

/** Returns the client, for `fetch`, `signIn` and `signOut`. @throws TypeError outside of a {@link SessionProvider} */
export function useSessionClient<User = unknown>(): SessionClient<User> {
  return useProviderValue().client as SessionClient<User>
}

function useProviderValue(): ProviderValue {
  const value = useContext(Context)
  if (value === null)
    throw new TypeError('useSession is called outside of a SessionProvider. Render the component inside one.')
  return value
}
