/**
 * Merges the top-level keys of a patch into `data` (RFC 7396): `null` removes a key. Data that is no object counts as an
 * empty one. Nested values are replaced.
 */
export function mergePatch(data: unknown, patch: object): Record<string, unknown> {
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data)
  const merged = { ...(isObject ? data : null), ...patch } as Record<string, unknown>
  return Object.fromEntries(Object.entries(merged).filter(([key]) => !removes(patch, key)))
}

/** The keys that a patch removes. */
export function removedKeys(patch: object): string[] {
  return Object.keys(patch).filter((key) => removes(patch, key))
}

function removes(patch: object, key: string): boolean {
  return Object.hasOwn(patch, key) && patch[key as keyof typeof patch] === null
}
