import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compile } from '../support/compile.ts'

const MAIN = "import { createSessions, presets, type Sessions } from 'pawl'\n"
const STORES = "import { memory } from 'pawl/memory'\nimport { postgres } from 'pawl/postgres'\n"
const GIVEN = `
declare const store: import('pawl').Store
declare const secret: string
declare const pool: import('pg').Pool
declare const sessions: Sessions<{ role: string }>
declare const placeholder: any
`
const CLIENT = "import { attachFetch, createSessionClient, type TokenStorage } from 'pawl/client'\n"
const A_CLIENT = "declare const client: import('pawl/client').SessionClient\n"

/** What an example relies on, by its file: imports, and names that the reader has. */
const CONTEXTS: Readonly<Record<string, string>> = {
  'adapters/express': `import express from 'express'\nconst app = express()\nimport * as pawl from 'pawl/express'
const { expressSessions, requireSession, sessionOf } = pawl`,
  'adapters/fastify': `import fastify from 'fastify'\nconst app = fastify()
import { fastifySessions, requireSession, sessionOf } from 'pawl/fastify'`,
  'adapters/fetch': "import { fetchSessions } from 'pawl/fetch'",
  'adapters/h3': `import { H3 } from 'h3'\nconst app = new H3()
import { h3Sessions, requireSession, sessionOf } from 'pawl/h3'`,
  'adapters/hono': `import { Hono } from 'hono'\ndeclare function report(error: unknown): void
import { honoSessions, requireSession, type SessionEnv, sessionErrors } from 'pawl/hono'`,
  'adapters/koa': `import Koa from 'koa'\nimport Router from '@koa/router'
import { koaSessions, requireSession, sessionOf } from 'pawl/koa'\nconst app = new Koa()\nconst router = new Router()`,
  'adapters/nest': `import { Module, Post } from '@nestjs/common'
import { RequireSession, Session, type SessionOf, SessionsModule } from 'pawl/nest'
declare class AccountController {}\ndeclare class ConfigService { getOrThrow(name: string): string }
declare function charge(userId: string): void`,
  'adapters/next': "import { nextSessions } from 'pawl/next'",
  'adapters/node': `import { createServer, type Server } from 'node:http'\nimport { nodeSessions, type WithSession } from 'pawl/node'
import type { WebSocketServer } from 'ws'\ndeclare const server: Server\ndeclare const wss: WebSocketServer`,
  'client/attach-axios': `import axios from 'axios'\n${A_CLIENT}`,
  'client/attach-fetch': CLIENT + A_CLIENT,
  'client/attach-xhr': A_CLIENT,
  'client/bind/': `import type { DeviceSigner } from 'pawl/client/bind'
declare const Keystore: {
  publicJwk(name: string): Promise<{ kty: string; crv: string; x: string; y: string }>
  signP1363(name: string, data: Uint8Array): Promise<Uint8Array>
}`,
  'client/client': CLIENT,
  'client/native/check-when-active': `${A_CLIENT}import { checkWhenActive } from 'pawl/client/native'`,
  'client/native/': `import { createSessionClient } from 'pawl/client'
import { keychainTokens, secureStoreTokens } from 'pawl/client/native'
declare const loadUser: (fetch: typeof globalThis.fetch) => Promise<{ name: string } | null>`,
  'client/react': `import { createRoot } from 'react-dom/client'\nimport { SessionProvider, useSession } from 'pawl/react'
${CLIENT}declare const element: Element\ndeclare function App(): null\ninterface User { name: string }`,
  'client/token-storage': `${CLIENT}declare const vault: {
  read(name: string): Promise<string | null>
  write(name: string, value: string): Promise<void>
  remove(name: string): Promise<void>
}`,
  'console/':
    "import express from 'express'\nconst app = express()\nimport { sessionsConsole } from 'pawl/console'\nimport { requireSession, sessionOf } from 'pawl/express'",
  'core/start/': `import { lazySessions } from 'pawl'\nimport { fetchSessions } from 'pawl/fetch'
declare const userId: string`,
  'core/': 'declare const userId: string',
  'memory/': '',
  'otel/': '',
  'postgres/': "import pg from 'pg'",
  'supertokens/': `import express from 'express'\nconst app = express()
import { expressSessions } from 'pawl/express'\nimport { supertokens } from 'pawl/supertokens'`,
  'verify/': "import { createVerifier } from 'pawl/verify'\ndeclare const request: Request",
}
/** Names that one example declares and another one of its file relies on. */
const SHARED: readonly [name: string, declaration: string][] = [
  ['app', 'declare const app: Hono\n'],
  ['withSession', 'declare const withSession: WithSession<{ role: string }, unknown>\n'],
]

interface Example {
  readonly name: string
  readonly text: string
}

/** The `@example` blocks of the docstrings, each as a module of its own. */
function examples(): Example[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  return files.flatMap((path) => {
    const context = Object.entries(CONTEXTS).find(([start]) => path.startsWith(start))?.[1]
    const found = readFileSync(join('src', path), 'utf8').matchAll(
      /^ *\* @example\n((?: *\*(?! @|\/).*\n)+)/gm,
    )
    return [...found].map(([, block], index) => {
      if (context === undefined) throw new Error(`CONTEXTS lacks ${path}`)
      const code = block!.replaceAll(/^ *\* ?/gm, '').replaceAll('{ … }', 'placeholder')
      return {
        name: `${path.replaceAll('/', '-').slice(0, -3)}-${index + 1}.tsx`,
        text: moduleOf(code, context),
      }
    })
  })
}

function moduleOf(code: string, context: string): string {
  const usesDecorators = code.startsWith('@RequireSession')
  const body = usesDecorators ? `class Payments {\n${code}}\n` : code
  const declared = (name: string): boolean => new RegExp(`(?:const|let) ${name}\\b`).test(context + body)
  const shared = SHARED.filter(
    ([name]) => new RegExp(`^(?:server\\.on.*)?${name}\\.`, 'm').test(body) && !declared(name),
  )
  const given = GIVEN.split('\n').filter((line) => {
    const name = /^declare const (\w+)/.exec(line)?.[1]
    return name === undefined || !declared(name)
  })
  // An example may import what its context imports too.
  const imported = [...body.matchAll(/^import \{ (\w+) \}/gm)].map(([, name]) => name!)
  const head = [MAIN, STORES, context, ...shared.map(([, text]) => text), ...given].join('\n')
  if (imported.some((name) => head.includes(`import { ${name} }`)))
    throw new Error(`imported twice: ${imported}`)
  return `${head}\n${body}\nexport {}\n`
}

/** What docs/start/express.md says for `req.session`, and an application that relies on it. */
function typedRequest(): string {
  const page = readFileSync('docs/start/express.md', 'utf8')
  const block = /```ts\n([^`]*declare global[^`]*)```/.exec(page)![1]!
  return `import type { Sessions } from 'pawl'\nimport express from 'express'
import { requireSession } from 'pawl/express'\ndeclare const sessions: Sessions<{ role: string }>\n${block}
express().get('/me', requireSession(), (req, res) => void res.json({ role: req.session.claims.role.trim() }))\n`
}

it('every example of a docstring compiles', () => {
  const modules = new Map(examples().map(({ name, text }) => [name, text]))
  expect(modules.size).toBeGreaterThan(20)
  modules.set('req-session.tsx', typedRequest())
  expect(compile(modules)).toEqual([])
}, 120_000)
