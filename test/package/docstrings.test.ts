import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'

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
/** The native modules that no package of the repository has. `examples/expo` declares the others. */
const KEYCHAIN = `declare module 'react-native-keychain' {
  export enum ACCESSIBLE { AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 'AccessibleAfterFirstUnlockThisDeviceOnly' }
  export function getGenericPassword(options?: { service?: string }): Promise<false | { password: string }>
  export function setGenericPassword(
    username: string,
    password: string,
    options?: { service?: string; accessible?: ACCESSIBLE },
  ): Promise<false | { service: string }>
  export function resetGenericPassword(options?: { service?: string }): Promise<boolean>
}`
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

/** Names that a sample of a page relies on, by the page. */
const PAGES: Readonly<Record<string, string>> = {
  'docs/guides/frontend.md': `
import { attachFetch, createSessionClient, memoryTokens, type SessionClient } from 'pawl/client'
import { attachAxios } from 'pawl/client/axios'
import { attachXhr } from 'pawl/client/xhr'
import { expressSessions } from 'pawl/express'
import axios from 'axios'
import { createRoot } from 'react-dom/client'
declare const client: SessionClient
declare const sessions: Sessions
declare const trustedOrigins: readonly string[]
declare const form: HTMLFormElement
declare const Keystore: {
  publicJwk(name: string): Promise<{ kty: string; crv: string; x: string; y: string }>
  signP1363(name: string, data: Uint8Array): Promise<Uint8Array>
}
declare const element: Element
declare const App: () => null
declare const SignIn: () => null
interface User { readonly name: string }
declare function render(status: string, user: unknown): void
declare function draft(): string`,
  'docs/guides/react-native.md': `
import { createSessionClient, type SessionClient } from 'pawl/client'
import { checkWhenActive, secureStoreTokens } from 'pawl/client/native'
import { SessionProvider } from 'pawl/react'
import * as SecureStore from 'expo-secure-store'
import { AppState } from 'react-native'
declare const client: SessionClient<User>
declare const App: () => null
declare const tokens: ReturnType<typeof secureStoreTokens>
declare const loadUser: (fetch: typeof globalThis.fetch) => Promise<User | null>
declare const NetInfo: { addEventListener(listener: (state: { isConnected: boolean | null }) => void): () => void }
declare function showSignIn(): void
declare const name: string
declare const password: string
interface User { readonly name: string }`,
  'docs/guides/websockets.md': `
import { useEffect } from 'react'
import { nodeSessions } from 'pawl/node'
import { WebSocketServer } from 'ws'
import type { Server } from 'node:http'
declare const sessions: Sessions
declare const app: { listen(port: number): Server }
declare const server: Server
declare const sockets: WebSocketServer
declare const withSession: ReturnType<typeof nodeSessions>
declare function serve(ws: import('ws').WebSocket, session: unknown): void
declare const onChat: import('pawl/node').UpgradeHandler<object, unknown>
declare const onPrices: import('pawl/node').UpgradeHandler<object, unknown>
declare const client: import('pawl/client').SessionClient
declare const status: string
declare const url: string
declare const onMessage: (event: MessageEvent) => void
declare function keepConnected(url: string, onMessage: (event: MessageEvent) => void): () => void`,
}

/** The samples of a page, each as a module of its own. What a sample declares or imports itself is not given to it. */
function samplesOf(page: string, context: string): Example[] {
  return [...readFileSync(page, 'utf8').matchAll(/^```tsx?\n(.*?)^```$/gms)].map(([, code], index) => {
    const given = context
      .split(/\n(?=\S)(?!\})/)
      .filter(
        (statement) => !/\b(?:const|function|interface) (\w+)/.test(statement) || !declares(code!, statement),
      )
    const imports = given.filter((statement) => !importsTwice(code!, statement))
    const text = `import type { Sessions } from 'pawl'\n${imports.join('\n')}\n${code}\nexport {}\n`
    return { name: `${page.replaceAll('/', '-').slice(0, -3)}-${index + 1}.tsx`, text }
  })
}

function declares(code: string, statement: string): boolean {
  const [, name] = /\b(?:const|function|interface) (\w+)/.exec(statement)!
  return new RegExp(`^(?:export )?(?:async )?(?:const|function|interface) ${name}\\b`, 'm').test(code)
}

function importsTwice(code: string, statement: string): boolean {
  const [, module] = /^import .* from ('.*')/.exec(statement) ?? []
  return module !== undefined && new RegExp(`^import .* from ${module}`, 'm').test(code)
}

/** What docs/start/express.md says for `req.session`, and an application that relies on it. */
function typedRequest(): string {
  const page = readFileSync('docs/start/express.md', 'utf8')
  const block = /```ts\n([^`]*declare global[^`]*)```/.exec(page)![1]!
  return `import type { Sessions } from 'pawl'\nimport express from 'express'
import { requireSession } from 'pawl/express'\ndeclare const sessions: Sessions<{ role: string }>\n${block}
express().get('/me', requireSession(), (req, res) => void res.json({ role: req.session.claims.role.trim() }))\n`
}

it('every example of a docstring compiles, and the samples of the guides that run in browsers', () => {
  const folder = resolve('src/.examples')
  const files = new Map(examples().map(({ name, text }) => [join(folder, name), text]))
  files.set(join(folder, 'req-session.tsx'), typedRequest())
  files.set(join(folder, 'keychain.d.ts'), KEYCHAIN)
  expect(files.size).toBeGreaterThan(20)
  for (const [page, context] of Object.entries(PAGES))
    for (const { name, text } of samplesOf(page, context)) files.set(join(folder, name), text)
  const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8'))
  const client = (name: string): string[] => [`./src/client/${name}.ts`]
  const { options } = ts.parseJsonConfigFileContent(
    {
      ...config,
      compilerOptions: {
        ...config.compilerOptions,
        lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable'],
        jsx: 'react-jsx',
        experimentalDecorators: true,
        noUnusedLocals: false,
        noUnusedParameters: false,
        isolatedDeclarations: false,
        declaration: false,
        paths: {
          'pawl/memory': ['./src/memory/index.ts'],
          'pawl/otel': ['./src/otel/index.ts'],
          'pawl/supertokens': ['./src/supertokens/index.ts'],
          'pawl/client/axios': client('attach-axios'),
          'pawl/client/bind': client('bind/index'),
          'pawl/client/native': client('native/index'),
          'pawl/client/xhr': client('attach-xhr'),
          'pawl/react': client('react/index'),
          ...config.compilerOptions.paths,
        },
      },
    },
    ts.sys,
    process.cwd(),
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(path, text, version)
  }
  const program = ts.createProgram([...files.keys(), resolve('examples/expo/modules.d.ts')], options, host)
  const errors = [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)!
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map(
      ({ messageText, start }) =>
        `${path.slice(folder.length + 1)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')} at ${source.text.slice(start, (start ?? 0) + 60).split('\n')[0]}`,
    )
  })
  expect(errors).toEqual([])
}, 120_000)
