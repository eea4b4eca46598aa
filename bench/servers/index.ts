import type { ServerContender, Surroundings } from './contender.ts'

/** By the name in the tables. Each server is imported alone, so that none loads another's modules. */
export const SERVERS: Readonly<Record<string, (surroundings: Surroundings) => Promise<ServerContender>>> = {
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
  Pawl: async (around) => (await import('./pawl-postgres.ts')).expressOnPostgres(around),
  'express-session + connect-pg-simple': async (around) =>
    (await import('./peers.ts')).expressSessionInPostgres(around),
  'express-session + connect-redis': async (around) =>
    (await import('./peers.ts')).expressSessionInRedis(around),
  'better-auth': async (around) => (await import('./peers.ts')).betterAuth(around),
  'better-auth, cookie cache': async (around) =>
    (await import('./peers.ts')).betterAuth(around, { cookieCache: true }),
  'Auth.js': async (around) => (await import('./peers.ts')).authJs(around),
  'iron-session': async () => (await import('./peers.ts')).ironSession(),
  'supertokens-node': async (around) => (await import('./peers.ts')).supertokens(around),
  'the original': async (around) => (await import('./peers.ts')).original(around),
}
