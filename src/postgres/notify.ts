import { isUnsupported } from './sqlstate.ts'

/** Sends a notification. @returns false when the engine has no NOTIFY */
export type Notify = (channel: string, payload: string) => Promise<boolean>

export function createNotify(run: (name: 'notify', values: [string, string]) => Promise<unknown>): Notify {
  let isSupported = true
  return async (channel, payload) => {
    try {
      if (isSupported) await run('notify', [channel, payload])
    } catch (error) {
      // Without NOTIFY every process polls.
      if (!isUnsupported(error)) throw error
      isSupported = false
    }
    return isSupported
  }
}
