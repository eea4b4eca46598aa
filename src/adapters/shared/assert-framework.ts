/**
 * Refuses a framework that an adapter does not know, before anything is written to the response.
 * @param versions what the adapter works with, as the peer ranges of package.json say it
 * @throws TypeError
 */
export function assertFramework(isKnown: boolean, adapter: string, versions: string): void {
  if (!isKnown)
    throw new TypeError(
      `${adapter}() works with ${versions}, and something else or another version has called it: see "Your framework" in Pawl's README`,
    )
}
