/** A function that runs SQL: a client of postgres.js, Bun's `SQL`, or what `neon(url)` of Neon's driver returns. */
export interface SqlFunction {
  // biome-ignore lint/suspicious/noExplicitAny: the three overload their call, each in another way
  (...parameters: any[]): unknown
  unsafe(text: string): unknown
}
