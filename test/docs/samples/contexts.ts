/** What every reader has. */
export const SHARED = `
import express from 'express'
import { createSessions, isSessionsError, presets, type Sessions } from 'pawl'
import { attachFetch, createSessionClient } from 'pawl/client'
import { attachAxios } from 'pawl/client/axios'
import { attachXhr } from 'pawl/client/xhr'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { memory } from 'pawl/memory'
import { postgres } from 'pawl/postgres'
import { createRoot } from 'react-dom/client'
import pg from 'pg'
import axios from 'axios'
declare const store: import('pawl').Store
declare const secret: string
declare const pool: pg.Pool
declare const sessions: Sessions<{ role: string }>
declare const placeholder: any
declare const userId: string
declare const app: express.Express
declare const client: import('pawl/client').SessionClient
declare function checkPassword(body: unknown): Promise<{ readonly id: string; readonly role: string }>
`

/** What the samples of a page rely on besides. */
export const PAGES: Readonly<Record<string, string>> = {}
