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

/** Properties of {@link SessionProvider}. */
export interface SessionProviderProps {
  readonly client: SessionClient
  /**
   * The session when the server rendered the page. Used until the client has found out itself.
   * @defaultValue status `unknown`
   */
  readonly initial?: SessionState | undefined
  readonly children?: ReactNode
}

interface ProviderValue extends Pick<SessionProviderProps, 'client' | 'initial'> {
  /** Whether the client has ever found out itself. From then on, `initial` is ignored. */
  readonly isOutdated: { current: boolean }
}

const Context = createContext<ProviderValue | null>(null)

/**
 * Provides a client to the components below. Unless `initial` says whether somebody is signed in, calls
 * `client.check()` once.
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
 * Returns the session. The component renders again whenever it changes.
 *
 * @example
 * const { status, user } = useSession<User>()
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

/** Returns the client, for `fetch`, `signIn` and `signOut`. */
export function useSessionClient<User = unknown>(): SessionClient<User> {
  return useProviderValue().client as SessionClient<User>
}

function useProviderValue(): ProviderValue {
  const value = useContext(Context)
  if (value === null)
    throw new TypeError('useSession is called outside of a SessionProvider. Render the component inside one.')
  return value
}
