import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createSessionClient } from '../../src/client/index.ts'
import { openWorld } from './support/world.ts'

it('creating a client on a server sends nothing, opens nothing and keeps nothing running', async () => {
  const script = `
    const { createSessionClient } = await import('./src/client/index.ts')
    await import('./src/client/attach-xhr.ts')
    const { bindDevice } = await import('./src/client/bind/index.ts')
    const client = createSessionClient({ device: bindDevice(), fetch: () => { throw new Error('sent') } })
    console.log(client.session.status)`
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--import', 'tsx', '--input-type=module', '--eval', script],
  ])
  expect(stdout.trim()).toBe('unknown')
})

it('clients of several users in one process do not share messages', async () => {
  const world = await openWorld()
  const [one, two] = [createSessionClient({ baseUrl: world.origin }), world.client()]
  await world.login(two)
  await two.signOut()
  expect([one.session.status, two.session.status]).toStrictEqual(['unknown', 'signed-out'])
})

it('a base URL with a path covers only URLs below it', () => {
  const { hooks } = createSessionClient({ baseUrl: 'https://example.com/api/' })
  const urls = ['/api/me', '/apis/me', '/other', '/api/../other'].map(
    (path) => new URL(path, 'https://example.com').href,
  )
  expect(urls.map(hooks.covers)).toStrictEqual([true, false, false, false])
})
