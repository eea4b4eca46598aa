import type { Kind } from './kind.ts'

/** By name; imported one by one, so that none carries the others' weight. */
export const KINDS: Readonly<Record<string, (databaseUrl: string) => Promise<Kind>>> = {
  'node:http': async () => (await import('./bare.ts')).node(),
  Express: async () => (await import('./bare.ts')).express(),
  'node:http that looks at cookies': async () => (await import('./bare.ts')).nodeThatLooks(),
  'Express with two empty middlewares': async () => (await import('./bare.ts')).expressThatLooks(),
  'Fastify with two empty hooks': async () => (await import('./bare.ts')).fastifyThatLooks(),
  Fastify: async () => (await import('./bare.ts')).fastify(),
  'Pawl on node:http': async () => (await import('./pawl.ts')).node(),
  'Pawl on Express': async () => (await import('./pawl.ts')).express(),
  'Pawl on Fastify': async () => (await import('./pawl.ts')).fastify(),
  'express-session + connect-pg-simple': async (url) => (await import('./express-session.ts')).server(url),
  'better-auth': async (url) => (await import('./better-auth.ts')).server(url),
  'iron-session': async () => (await import('./iron-session.ts')).server(),
  'the original': async (url) => (await import('./original.ts')).server(url),
}
