/** The verifier has no logger, and runs without Node: every runtime has a console. */
export function warn(text: string): void {
  // biome-ignore lint/suspicious/noConsole: without it nobody would learn of the mistake
  console.warn(`Pawl: ${text}`)
}
