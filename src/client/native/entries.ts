/** The entries of a keychain. Each call may fail, and a crash may cut one short: an entry that is being written may be gone. */
export interface Entries {
  /** The most characters of one entry. */
  readonly capacity: number
  /** @returns null if there is no such entry. @throws if it cannot be read now */
  read(key: string): Promise<string | null>
  write(key: string, value: string): Promise<unknown>
  remove(key: string): Promise<unknown>
  /** As `remove`, for an entry that will soon be written again. */
  retire(key: string): Promise<unknown>
}

/** The same entries until the signal aborts. From then on, no call reaches them. */
export function untilAborted(entries: Entries, signal: AbortSignal): Entries {
  const ifWaiting = <T>(call: () => Promise<T>): Promise<T> =>
    signal.aborted ? Promise.reject(new Error('Nobody waits for the keychain any more')) : call()
  return {
    capacity: entries.capacity,
    read: (key) => ifWaiting(() => entries.read(key)),
    write: (key, value) => ifWaiting(() => entries.write(key, value)),
    remove: (key) => ifWaiting(() => entries.remove(key)),
    retire: (key) => ifWaiting(() => entries.retire(key)),
  }
}
