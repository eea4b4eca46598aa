/** What every reader has: the application and the packages of the first steps. */
export const SHARED = `
import axios from 'axios'
import express from 'express'
import { createSessions, isSessionsError, presets, type Sessions } from 'pawl'
import { attachFetch, createSessionClient } from 'pawl/client'
import { attachAxios } from 'pawl/client/axios'
import { attachXhr } from 'pawl/client/xhr'
import { expressSessions, requireSession, sessionErrors, type SessionOf, sessionOf } from 'pawl/express'
import { fetchSessions } from 'pawl/fetch'
import { memory } from 'pawl/memory'
import { postgres } from 'pawl/postgres'
import { SessionProvider, useSession } from 'pawl/react'
import { supertokens } from 'pawl/supertokens'
import pg from 'pg'
interface User { readonly id: string; readonly name: string; readonly role: string; readonly disabled: boolean }
interface Claims { role: string }
declare const store: import('pawl').Store
declare const secret: string
declare const pool: pg.Pool
declare const sessions: Sessions<Claims>
declare const session: import('pawl/node').RequestSession<Claims, unknown>
declare const placeholder: any
declare const userId: string
declare const sessionId: string
declare const app: express.Express
declare const pay: express.RequestHandler
declare const transfer: express.RequestHandler
declare const req: express.Request
declare const res: express.Response
declare const request: Request
declare const element: Element
declare const App: () => null
declare const SignIn: () => null
declare const client: import('pawl/client').SessionClient<User>
declare class Given { readonly users: { check(given: unknown): Promise<User> } }
declare function checkPassword(given: unknown, password?: unknown): Promise<User>
declare function findByPassword(form: FormData): Promise<User | null>
declare function savePassword(userId: string, password: string): Promise<void>
declare function findUser(id: unknown): Promise<User>
declare function render(status: string, user: unknown): void
`

const KEYSTORE = `
declare const Keystore: {
  publicJwk(name: string): Promise<{ kty: string; crv: string; x: string; y: string }>
  signP1363(name: string, data: Uint8Array): Promise<Uint8Array>
}`
/** What `guides/moving.md` declares for all of its pages. */
const MOVING = `
import type { Request, Response } from 'express'
declare const sessions: Sessions
declare function storable(data: unknown): any
declare function hasMoved(ids: readonly string[]): Promise<boolean>
declare function claimsFrom(payload: unknown): any`
const HONO = `
import type { Handler } from 'hono'
declare const pay: Handler
declare const transfer: Handler
declare function report(error: unknown): void`
/** `lib/session` of the page of Next.js, which gives a function. */
const NEXT = `
declare const sessions: Sessions<Claims> & (() => Promise<Sessions<Claims>>)
declare const action: import('pawl/next').NextSessions<Claims, unknown>['action']
declare const read: import('pawl/next').NextSessions<Claims, unknown>['read']`

/** What the samples of a page rely on besides, and what they mean by a name of the above. */
export const PAGES: Readonly<Record<string, string>> = {
  'docs/guides/acting.md': `
declare const changePassword: express.RequestHandler
declare const client: import('pawl/client').SessionClient<{ userId: string; actingBy: string | null }>
declare function saveAudit(kind: string, event: object): Promise<void>`,
  'docs/guides/claims.md': 'declare const db: pg.Pool',
  'docs/guides/devices-page.md': `${NEXT}
declare function mailAboutSignIn(userId: string, ip: string | null, userAgent: string | null): Promise<void>`,
  'docs/guides/frontend.md': `${KEYSTORE}
import { memoryTokens } from 'pawl/client'
declare const form: HTMLFormElement
declare const trustedOrigins: readonly string[]
declare function draft(): string`,
  'docs/guides/handoff.md':
    "declare const WebView: import('react').ComponentType<{ source: { uri: string }; injectedJavaScriptBeforeContentLoaded: string }>",
  'docs/guides/moving/auth-js.md': `
import { nextSessions } from 'pawl/next'
declare const route: ReturnType<typeof nextSessions<object, unknown>>['route']
declare function auth(): Promise<{ user?: { id?: string } } | null>
declare function signOut(options: { redirect: false }): Promise<void>`,
  'docs/guides/moving/express-session.md': `${MOVING}\ndeclare const OLD_SECRET: string`,
  'docs/guides/moving/iron-session.md': `${MOVING}\ndeclare const OLD_PASSWORD: string\ndeclare const OLD_TTL: number`,
  'docs/guides/moving/supertokens-node-postgres-ref-jwt.md': `${MOVING}
import * as SuperTokens from 'supertokens-node-postgres-ref-jwt'`,
  'docs/guides/moving/supertokens.md': `${MOVING}
import SuperTokens from 'supertokens-node'
import { middleware } from 'supertokens-node/framework/express'`,
  'docs/guides/password-change.md': `
declare const hash: string
declare function useResetToken(token: string): Promise<string>
declare function mailAboutTheft(userId: string): Promise<void>`,
  'docs/guides/pwa.md': `
declare const loadUser: (fetch: typeof globalThis.fetch) => Promise<User | null>
declare function showOfflineNotice(): void
declare function deletePushSubscription(sessionId: string): Promise<void>`,
  'docs/guides/react-native.md': `
declare const name: string
declare const password: string
declare const NetInfo: { addEventListener(listener: (state: { isConnected: boolean | null }) => void): () => void }`,
  'docs/guides/reauthentication.md': `${NEXT}
declare const session: import('pawl/node').RequestSession<{ role: string; level: number }, unknown>
declare const form: string
declare function charge(userId: string, amount: unknown): Promise<void>`,
  'docs/guides/serverless.md': `
import type { Server } from 'node:http'
declare const server: Server
declare const sessions: Sessions<Claims>`,
  'docs/guides/sign-out-everywhere.md': "declare const socket: import('ws').WebSocket",
  'docs/guides/supertokens.md': `
declare const sessions: Sessions
import SuperTokens from 'supertokens-website'`,
  'docs/guides/two-applications.md': "declare const cookies: import('pawl/express').CookieOptions",
  'docs/guides/verify.md': `
import { NextResponse, type NextFetchEvent, type NextRequest } from 'next/server'
declare const jwks: string
declare const revocations: string
interface ExecutionContext { waitUntil(work: Promise<unknown>): void }
declare const KEY: string
declare const token: string`,
  'docs/guides/websockets.md': `
import { useEffect } from 'react'
import { nodeSessions } from 'pawl/node'
declare const withSession: ReturnType<typeof nodeSessions>
declare const onChat: import('pawl/node').UpgradeHandler<object, unknown>
declare const onPrices: import('pawl/node').UpgradeHandler<object, unknown>
declare const url: string
declare const onMessage: (event: MessageEvent) => void
declare const user: User | null
declare function serve(ws: import('ws').WebSocket, session: unknown): void`,
  // `lib/session` of the page of Next.js gives a function.
  'docs/operate/console.md': `
import { sessionsConsole } from 'pawl/console'
interface Named { name: string; role: string }
declare const sessions: Sessions<Named> & (() => Promise<Sessions<Named>>)
declare const route: import('pawl/next').NextSessions<Named, unknown>['route']
declare const authorize: () => { actor: string } | null
declare const auditLog: { write(line: string): void }`,
  'docs/operate/deploy.md':
    'declare const poolerUrl: string\ndeclare const sdk: { shutdown(): Promise<void> }',
  'docs/reference/errors.md': 'declare const accessToken: string',
  'docs/reference/events.md': `
declare const audit: { write(event: unknown): void }
declare function warnByMail(userId: string, ip: string | null): Promise<void>`,
  'docs/reference/http.md': `
declare const exportAll: express.RequestHandler
declare function isCustomerDomain(origin: string): boolean`,
  'docs/reference/options.md': 'declare function loadKeys(): Promise<any>',
  'docs/start/express.md': 'declare const account: express.Router',
  'docs/start/fastify.md': `
import type { RouteHandlerMethod } from 'fastify'
declare const pay: RouteHandlerMethod
declare const transfer: RouteHandlerMethod
declare const listOrders: RouteHandlerMethod
declare const me: RouteHandlerMethod`,
  'docs/start/fetch.md': 'declare const handler: (session: unknown) => Response',
  'docs/start/h3.md': `
import { H3, defineHandler } from 'h3'
declare const pay: import('h3').EventHandler
declare const transfer: import('h3').EventHandler
declare const part: H3
declare const sessions: Sessions<Claims>`,
  'docs/start/hono.md': HONO,
  'docs/start/koa.md': `
declare const pay: import('koa').Middleware
declare const transfer: import('koa').Middleware`,
  'docs/start/nest.md': `
import { type CanActivate, type ExecutionContext, Body, Controller, Get, HttpCode, Inject, Injectable, Module, Post } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { Public, RequireSession, SESSIONS, Session, SessionGuard, sessionOf } from 'pawl/nest'
declare class AccountController {}
declare function charge(userId: string): Promise<void>
declare function transferFor(userId: string): Promise<void>`,
  'docs/start/next.md': `
import { redirect } from 'next/navigation'
import { NextResponse } from 'next/server'
import { nextSessions } from 'pawl/next'
declare const create: () => Promise<Sessions<Claims>>
declare const pay: (session: unknown, request: Request) => Promise<Response>
declare const transfer: (session: unknown, request: Request) => Promise<Response>
declare function remove(id: string, userId: string): Promise<void>
declare function saveName(userId: string, name: unknown): Promise<void>`,
  'docs/start/node.md': `
interface Data { readonly cart: readonly string[] }
declare const login: import('node:http').RequestListener
declare const me: import('node:http').RequestListener
declare const log: { error(entry: object): void }`,
  'docs/understand/device-binding.md': `${KEYSTORE}\ndeclare const tokens: import('pawl/client').TokenStorage`,
}
