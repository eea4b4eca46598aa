import type { Suite } from '../harness/suite.ts'

/** In the order they run. Imported one by one, each in a process of its own. */
export const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  verify: async () => (await import('./verify.ts')).verify,
  http: async () => (await import('./http.ts')).http,
  write: async () => (await import('./write.ts')).write,
  space: async () => (await import('./space.ts')).space,
  growth: async () => (await import('./growth.ts')).growth,
  memory: async () => (await import('./memory.ts')).memory,
  cookies: async () => (await import('./cookies.ts')).cookies,
  counts: async () => (await import('./counts.ts')).counts,
  feed: async () => (await import('./feed.ts')).feed,
}
