/**
 * DEMO ONLY. Never add this to an application: it gives a refresh token to scripts, which its HttpOnly cookie
 * prevents. It simulates malware that reads the browser's cookie file.
 */
import { randomBytes } from 'node:crypto'
import { json, type Request, Router } from 'express'
import { thiefPage } from '../pages/thief.ts'

const LOOT_LIFETIME = 60_000
const MAX_LOOT = 100
/** The name of the refresh cookie, over HTTPS and on plain localhost. */
const REFRESH_COOKIE = /(?:^|;\s*)(?:__Secure-)?pawl-demo-refresh=([^;]+)/

export function theftRoutes(): Router {
  const router = Router()
  const loot = new Map<string, { readonly refreshToken: string; readonly stolenAt: number }>()

  function keepLoot(refreshToken: string): string {
    const now = Date.now()
    for (const [id, { stolenAt }] of loot) {
      if (now - stolenAt > LOOT_LIFETIME || loot.size >= MAX_LOOT) loot.delete(id)
    }
    const id = randomBytes(16).toString('base64url')
    loot.set(id, { refreshToken, stolenAt: now })
    return id
  }

  // Below /session, because the browser sends the refresh cookie only there.
  router.post('/session/steal', (req, res) => {
    const refreshToken = refreshTokenOf(req)
    if (refreshToken === null) return res.redirect(303, '/')
    res.redirect(303, `/thief#${keepLoot(refreshToken)}`)
  })

  router.get('/thief', (_req, res) => {
    res.send(thiefPage())
  })

  router.post('/thief/loot', json({ limit: '1kb' }), (req, res) => {
    const { id } = (req.body ?? {}) as { id?: unknown }
    const found = typeof id === 'string' ? loot.get(id) : undefined
    if (found === undefined) return res.status(404).json({ code: 'no_such_loot' })
    loot.delete(id as string)
    res.json({ refreshToken: found.refreshToken })
  })

  return router
}

function refreshTokenOf(req: Request): string | null {
  return REFRESH_COOKIE.exec(req.headers.cookie ?? '')?.[1] ?? null
}
