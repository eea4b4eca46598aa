import { Agent, request } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { listen } from '../support/http-server.ts'
import { openWithClock } from '../support/sessions.ts'

it('a refused large body leaves the connection usable for the next request', async () => {
  const { sessions } = await openWithClock()
  const withSession = nodeSessions(sessions)
  const port = await listen(withSession((_req, res) => void res.end('hello')))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const sockets = new Set<number>()

  const send = (method: string, path: string, body = ''): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = {
        host: 'app.example.com',
        'pawl-transport': 'bearer',
        'content-type': 'application/json',
      }
      const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent }, (incoming) => {
        incoming.resume().on('end', () => resolve(incoming.statusCode))
      })
      outgoing.on('socket', (socket) => socket.once('connect', () => sockets.add(socket.localPort!)))
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  const large = JSON.stringify({ refreshToken: 'x'.repeat(1_000_000) })
  expect(await send('POST', '/session/refresh', large)).toBe(401)
  expect(await send('GET', '/')).toBe(200)
  expect(sockets.size).toBe(1)
})
