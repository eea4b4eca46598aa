import type { SessionClient } from '../client.ts'

/** The part of the `AppState` of React Native that {@link checkWhenActive} uses. */
export interface AppStateModule {
  /** The present state of the app, such as `active` or `background`. */
  readonly currentState?: string | null | undefined
  /** Adds a listener of the state. */
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void }
}

/**
 * Calls `client.check()` whenever the app comes back from the background. If the access token has expired meanwhile, all
 * requests of that moment share one refresh. A dialog of the system, such as Face ID, does not count as the background.
 *
 * @param AppState the object `AppState` of `react-native`
 * @returns a function that removes the listener
 *
 * @example
 * import { AppState } from 'react-native'
 *
 * checkWhenActive(client, AppState)
 */
export function checkWhenActive(client: Pick<SessionClient, 'check'>, AppState: AppStateModule): () => void {
  // A push may start the app in the background.
  let wasInBackground = AppState.currentState === 'background'
  const subscription = AppState.addEventListener('change', (state) => {
    if (state === 'background') wasInBackground = true
    if (state !== 'active' || !wasInBackground) return
    wasInBackground = false
    void client.check()
  })
  return () => subscription.remove()
}
