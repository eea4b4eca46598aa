import { build } from 'esbuild'
import { beforeAll, expect, it } from 'vitest'
import type * as example from '../../examples/expo/session.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { listen } from '../support/http-server.ts'
import { openWithClock } from '../support/sessions.ts'
import { createDevice, fakeSecureStore } from './support/fake-keychains.ts'

let app: typeof example
beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: ['examples/expo/session.ts'],
    tsconfig: 'examples/expo/tsconfig.json',
    bundle: true,
    format: 'esm',
    write: false,
  })
  app = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0]!.text)}`)
})

it('the app of the Expo example signs in, survives a restart and a dead network, and signs out', async () => {
  const { sessions, clock } = await openWithClock()
  const withSession = nodeSessions(sessions)
  // The routes of the Express example.
  const port = await listen(
    withSession(async (req, res, session) => {
      const send = (status: number, body: unknown): void => {
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      }
      if (req.url === '/me') {
        const { userId } = session
        return send(200, { userId, name: 'Anna' })
      }
      let text = ''
      for await (const chunk of req) text += chunk
      const { name } = JSON.parse(text)
      if (!name) return send(400, { code: 'no_such_user' })
      send(200, await session.create({ userId: name.toLowerCase() }))
    }),
  )
  const device = createDevice()
  const start = (url = `http://127.0.0.1:${port}`) => app.createSession(url, fakeSecureStore(device))
  const client = start()
  expect((await client.check()).status).toBe('signed-out')
  expect(await app.signIn(client, '')).toBe(false)
  expect(await app.signIn(client, 'Anna')).toBe(true)
  const anna = { status: 'signed-in', user: { userId: 'anna', name: 'Anna' } }
  expect(client.session).toEqual(anna)
  clock.advance(3600)
  // Nobody listens at this port.
  expect(await start('http://127.0.0.1:9').check()).toEqual(anna)
  expect(await start().check()).toEqual(anna)
  await client.signOut()
  expect([client.session.status, ...device.entries.keys()]).toStrictEqual(['signed-out'])
  expect((await start().check()).status).toBe('signed-out')
})
