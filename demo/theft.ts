/**
 * DEMO ONLY. No application should have anything like this: it hands out a refresh token that its cookie
 * keeps from scripts. It stands for malware that can read the browser's cookie file.
 */
import { randomBytes } from 'node:crypto'
import { json, type Request, Router } from 'express'
import { thiefPage } from './pages/thief.ts'

const LOOT_LIFE = 60_000
const MOST_LOOT = 100
/** The names Pawl gives the refresh cookie, over https and on plain localhost. */
const REFRESH_COOKIE = /(?:^|;\s*)(?:__Secure-)?pawl-refresh=([^;]+)/

export function theftRoutes(): Router {
  const router = Router()
  const loot = new Map<string, { readonly refreshToken: string; readonly stolenAt: number }>()

  function hide(refreshToken: string): string {
    const now = Date.now()
    for (const [id, { stolenAt }] of loot) {
      if (now - stolenAt > LOOT_LIFE || loot.size >= MOST_LOOT) loot.delete(id)
    }
    const id = randomBytes(16).toString('base64url')
    loot.set(id, { refreshToken, stolenAt: now })
    return id
  }

  // Below /session, because the refresh cookie is sent nowhere else.
  router.post('/session/steal', (req, res) => {
    const refreshToken = stolenFrom(req)
    if (refreshToken === null) return res.redirect(303, '/')
    res.redirect(303, `/thief#${hide(refreshToken)}`)
  })

  router.get('/thief', (_req, res) => {
    res.send(thiefPage())
  })

  router.post('/thief/loot', json({ limit: '1kb' }), (req, res) => {
    const { id } = (req.body ?? {}) as { id?: unknown }
    const found = typeof id === 'string' ? loot.get(id) : undefined
    if (found === undefined) return res.status(404).json({ code: 'nothing_here' })
    loot.delete(id as string)
    res.json({ refreshToken: found.refreshToken })
  })

  return router
}

function stolenFrom(req: Request): string | null {
  return REFRESH_COOKIE.exec(req.headers.cookie ?? '')?.[1] ?? null
}
