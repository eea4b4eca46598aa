interface Shared {
  readonly cookies: string
  value: Promise<unknown> | null
}

const byName = new Map<string, Shared>()

/**
 * Makes something on first use, once for all copies of a module: Next evaluates a module again for each of
 * its bundles, and while developing after each change. What could not be made is tried again next time.
 *
 * @param cookies two that differ in them are not the same thing, whatever their name
 */
export function shareByName<T>(name: string, cookies: string, make: () => T | Promise<T>): () => Promise<T> {
  const shared: Shared = byName.get(name) ?? { cookies, value: null }
  if (shared.cookies !== cookies) {
    throw new TypeError(
      `nextSessions() was called with other cookies before: give each of several a \`name\`, or restart the server after a change of options`,
    )
  }
  byName.set(name, shared)

  async function makeNow(): Promise<T> {
    try {
      return await make()
    } catch (error) {
      shared.value = null
      throw error
    }
  }

  return () => {
    shared.value ??= makeNow()
    return shared.value as Promise<T>
  }
}
