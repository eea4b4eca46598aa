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
import { type SessionState, UNKNOWN } from '../state.ts'

export interface SessionProviderProps {
  readonly client: SessionClient
  /** What the server that rendered the page knew. It counts until the client knows better. @defaultValue `unknown` */
  readonly initial?: SessionState | undefined
  readonly children?: ReactNode
}

interface Provided extends Pick<SessionProviderProps, 'client' | 'initial'> {
  /** Whether the client has known better at some time: then `initial` is over for good. */
  readonly known: { current: boolean }
}

const Context = createContext<Provided | null>(null)

/**
 * Gives a client to the components below, and finds out once whether somebody is signed in, unless `initial`
 * says so.
 *
 * @example
 * const client = createSessionClient()
 * createRoot(element).render(<SessionProvider client={client}><App /></SessionProvider>)
 */
export function SessionProvider({ client, initial, children }: SessionProviderProps): ReactNode {
  const given = initial !== undefined && initial.status !== 'unknown'
  const value = useMemo(() => ({ client, initial, known: { current: false } }), [client, initial])
  useEffect(() => {
    // Not while rendering: the first rendering has to be what the server's was.
    const note = (): void => {
      value.known.current ||= client.session.status !== 'unknown'
    }
    note()
    return client.onChange(note)
  }, [client, value])
  useEffect(() => {
    const find = (): void => {
      // Without an answer it stays unknown; the user coming back to the page comes back to it.
      if (!given && client.session.status === 'unknown') client.check().catch(() => {})
    }
    find()
    globalThis.addEventListener?.('online', find)
    globalThis.addEventListener?.('focus', find)
    return () => {
      globalThis.removeEventListener?.('online', find)
      globalThis.removeEventListener?.('focus', find)
    }
  }, [client, given])
  return createElement(Context.Provider, { value }, children)
}

/**
 * The session of now; renders again whenever it changes.
 *
 * @example
 * const { status, user } = useSession<User>()
 */
export function useSession<User = unknown>(): SessionState<User> {
  const { client, initial = UNKNOWN, known } = useProvided()
  const session = useSyncExternalStore(
    client.onChange,
    () => client.session,
    () => UNKNOWN,
  )
  return (session.status === 'unknown' && !known.current ? initial : session) as SessionState<User>
}

/** The client itself, for `fetch`, `signIn` and `signOut`. */
export function useSessionClient<User = unknown>(): SessionClient<User> {
  return useProvided().client as SessionClient<User>
}

function useProvided(): Provided {
  const provided = useContext(Context)
  if (provided === null) throw new TypeError('useSession is used outside of a SessionProvider')
  return provided
}
