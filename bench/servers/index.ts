import type { ServerContender } from './contender.ts'

/** By the name in the tables. Each server is imported alone, so that none loads another's modules. */
export const SERVERS: Readonly<Record<string, (databaseUrl: string) => Promise<ServerContender>>> = {
  'node:http': async () => (await import('./bare.ts')).node(),
  Express: async () => (await import('./bare.ts')).express(),
  Fastify: async () => (await import('./bare.ts')).fastify(),
  'node:http that looks at cookies': async () => (await import('./bare.ts')).node({ readsCookie: true }),
  'Express with two empty middlewares': async () =>
    (await import('./bare.ts')).express({ middlewares: true }),
  'Fastify with two empty hooks': async () => (await import('./bare.ts')).fastify({ hooks: true }),
  'Pawl on node:http': async () => (await import('./pawl.ts')).node(),
  'Pawl on Express': async () => (await import('./pawl.ts')).express(),
  'Pawl on Fastify': async () => (await import('./pawl.ts')).fastify(),
  'express-session + connect-pg-simple': async (url) => (await import('./peers.ts')).expressSession(url),
  'better-auth': async (url) => (await import('./peers.ts')).betterAuth(url),
  'iron-session': async () => (await import('./peers.ts')).ironSession(),
  'the original': async (url) => (await import('./peers.ts')).original(url),
}
