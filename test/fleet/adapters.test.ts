import { expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { nodeAdapter } from '../support/adapters/node.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { describeAdapters } from '../support/http-adapters.ts'
import { createClient } from '../support/http-client.ts'
import { relayTo } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'

const url = await createDatabase()
/** One for all adapters, because a pool keeps its connections until the file is done. */
const pool = createPool(url)

describeAdapters('two processes on one PostgreSQL', (adapter) => {
  it('serve forty concurrent refreshes of one token, and the browser can use any response', async () => {
    const processes = await Promise.all(
      [1, 2].map(async () => {
        const sessions = await openSessions({ store: postgres({ pool, schema: 'adapters' }) })
        return { sessions, ...(await adapter.listen(sessions)) }
      }),
    )
    const [first, second] = processes as [(typeof processes)[0], (typeof processes)[0]]
    const anna = createClient(first.port)
    const user = `anna-${adapter.name.replaceAll(/\W/g, '')}`
    await anna.send('POST', `/login?user=${user}`)
    const tabs = Array.from({ length: 40 }, (_, i) => createClient(processes[i % 2]!.port, anna.jar.copy()))
    const answers = await Promise.all(tabs.map((tab) => tab.send('POST', '/session/refresh')))
    expect(answers.map(({ status }) => status)).toStrictEqual(Array(40).fill(200))

    const kept = createClient(second.port, tabs[11]!.jar)
    expect((await kept.send('GET', '/me')).status).toBe(200)
    await second.sessions.flush()
    const again = createClient(first.port, kept.jar)
    expect((await again.send('POST', '/session/refresh')).status).toBe(200)
    expect(await again.send('GET', '/check')).toMatchObject({ status: 200, body: { userId: user } })

    await second.sessions.revokeUser(user)
    expect((await again.send('GET', '/check')).body).toStrictEqual({ code: 'session_ended', refresh: false })
  })
})

it('requests that need an unreachable PostgreSQL get 503, keep their cookies, and work after it returns', async () => {
  const { hostname, port, username, password, pathname } = new URL(url)
  const relay = await relayTo(hostname, Number(port))
  const pool = createPool(`postgresql://${username}:${password}@127.0.0.1:${relay.port}${pathname}`)
  const sessions = await openSessions({ store: postgres({ pool, schema: 'outage' }) })
  const client = createClient((await nodeAdapter.listen(sessions)).port)
  expect((await client.send('POST', '/login?user=anna')).status).toBe(200)
  const before = client.jar.header('/session')

  relay.cut()
  expect((await client.send('GET', '/me')).status).toBe(200)
  for (const path of ['/session/refresh', '/session/logout', '/login?user=berta']) {
    const { status, body, headers, cookies } = await client.send('POST', path)
    expect([path, status, body, headers['retry-after'], cookies]).toStrictEqual([
      path,
      503,
      { code: 'unavailable' },
      '5',
      [],
    ])
  }
  expect(client.jar.header('/session')).toBe(before)

  relay.restore()
  expect((await client.send('POST', '/session/refresh')).status).toBe(200)
  expect((await client.send('POST', '/session/logout')).status).toBe(204)
})
