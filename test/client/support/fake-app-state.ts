import type { AppStateModule } from '../../../src/client/native/index.ts'

/** The `AppState` of React Native, which the test changes. */
export interface FakeAppState extends AppStateModule {
  become(...states: readonly ('active' | 'inactive' | 'background')[]): void
}

export function fakeAppState(currentState: string): FakeAppState {
  const listeners = new Set<(state: string) => void>()
  const module = {
    currentState,
    addEventListener(_type: 'change', listener: (state: string) => void) {
      listeners.add(listener)
      return { remove: () => void listeners.delete(listener) }
    },
    become(...states: readonly string[]) {
      for (const state of states) {
        module.currentState = state
        for (const listener of listeners) listener(state)
      }
    },
  }
  return module
}
