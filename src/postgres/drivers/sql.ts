/** A function that runs SQL: a client of postgres.js, or the result of `neon(url)` of Neon's driver. */
export interface SqlFunction {
  // biome-ignore lint/suspicious/noExplicitAny: each driver overloads its call in another way
  (...parameters: any[]): unknown
  /** Takes SQL as text. Pawl recognizes the driver by it. */
  unsafe(text: string): unknown
}
