/** Works on 25 items at a time, so that the final checks do not overload the server. @throws when stopped */
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
