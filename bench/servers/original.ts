import express from 'express'
import { originalOnExpress } from '../peers/original.ts'
import { CLAIMS, type Kind, USER } from './kind.ts'
import { logIn } from './login.ts'

export async function server(databaseUrl: string): Promise<Kind> {
  const original = await originalOnExpress(databaseUrl)
  const app = express()
  app.post('/login', async (_req, res) => {
    await original.createNewSession(res, USER, CLAIMS, {})
    res.json({})
  })
  app.get('/me', async (req, res) => {
    const session = await original.getSession(req, res, false)
    res.json({ id: session.getUserId() })
  })
  return { listener: app, cookie: await logIn(app) }
}
