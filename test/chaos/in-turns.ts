/** A few at a time: what is asked at the end must not be a storm of its own. @throws when stopped */
export async function inTurns<T, R>(
  items: readonly T[],
  stopped: AbortSignal,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += 25) {
    stopped.throwIfAborted()
    results.push(...(await Promise.all(items.slice(at, at + 25).map(work))))
  }
  return results
}
