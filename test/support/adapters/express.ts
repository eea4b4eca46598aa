import express, { type ErrorRequestHandler, type Express } from 'express'
import express4 from 'express4'
import {
  expressSessions,
  requireSession,
  sessionErrors,
  sessionOf,
} from '../../../src/adapters/express/index.ts'
import { listen } from '../http-server.ts'
import { type Adapter, FAILED, ROUTES, routeOf } from './application.ts'

function expressAdapter(name: string, create: () => Express): Adapter {
  return {
    name,
    async listen(sessions, options, { trustProxy = false } = {}) {
      const errors: unknown[] = []
      const app = create()
      app.set('trust proxy', trustProxy ? 'loopback' : false)
      app.use(expressSessions(sessions, options))
      for (const [key, route] of Object.entries(ROUTES)) {
        const [method, path] = key.split(' ') as ['GET' | 'POST', string]
        const guards = route.require === undefined ? [] : [requireSession(route.require)]
        app[method === 'GET' ? 'get' : 'post'](path, ...guards, async (req, res, next) => {
          // Express 4 does not wait for a handler's promise.
          try {
            res.set(route.headers ?? {})
            res.json(await route.answer(sessionOf(req, sessions), routeOf(req.method, req.originalUrl)[1]))
          } catch (error) {
            next(error)
          }
        })
      }
      app.use((_req, res) => void res.status(404).json({}))
      app.use(sessionErrors())
      const last: ErrorRequestHandler = (error, _req, res, _next) => {
        errors.push(error)
        res.status(500).json(FAILED)
      }
      app.use(last)
      return { port: await listen(app), errors }
    },
  }
}

export const express4Adapter: Adapter = expressAdapter('Express 4', express4)
export const express5Adapter: Adapter = expressAdapter('Express 5', express)
