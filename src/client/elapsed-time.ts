/** Elapsed milliseconds. The wall clock does not serve: the user may set it while the page is open. */
export function elapsedTime(): number {
  return (globalThis.performance ?? Date).now()
}
