import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it, vi } from 'vitest'
import { json, openWorld, until } from './support/world.ts'

const PAGE = join(import.meta.dirname, '../../docs/guides/acting.md')

/** An administrator's page with the code that the guide prints for browsers. */
async function openPage() {
  const world = await openWorld()
  const client = world.client({
    user: async (fetch) => {
      const response = await fetch('/me')
      if (response.status === 401) return null
      const { id } = (await response.json()) as { id: string }
      return { id, actingBy: id === 'root' ? null : 'root' }
    },
  })
  const location = { assign: vi.fn(), reload: vi.fn() }
  const blocks = [...(await readFile(PAGE, 'utf8')).matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code]) => code!,
  )
  const printed = blocks.filter((code) => code.includes('client.'))
  expect(printed).toHaveLength(2)
  const script = ts.transpile(printed.join('').replaceAll(/^await post.*$/gm, ''), {
    target: ts.ScriptTarget.ES2022,
  })
  const post: (path: string, body: object) => Promise<boolean> = new Function(
    'client',
    'location',
    `${script}\nreturn post`,
  )(client, location)
  await world.login(client, 'root')
  return { world, client, location, post }
}

it('starts and stops acting as the guide prints it, also with an expired access token', async () => {
  const { world, client, location, post } = await openPage()
  world.expire()
  expect(await post('/act', { userId: 'anna' })).toBe(true)
  expect(client.session.user).toStrictEqual({ id: '{"userId":"anna"}', actingBy: 'root' })
  expect(await post('/stop', {})).toBe(true)
  // The user is loaded by a refresh, for which `signIn` does not wait.
  await until(() => expect(client.session.user).toStrictEqual({ id: 'root', actingBy: null }))
  expect([location.assign.mock.calls, location.reload.mock.calls]).toStrictEqual([[], []])
})

it('tells a refusal from a failure', async () => {
  const { world, client, post } = await openPage()
  world.intercept.set('POST /act', () => new Response('Forbidden', { status: 403 }))
  expect(await post('/act', { userId: 'anna' })).toBe(false)
  world.intercept.set('POST /act', () => json(503, { code: 'unavailable' }))
  await expect(post('/act', { userId: 'anna' })).rejects.toThrow('/act answered 503')
  expect(client.session.user).toStrictEqual({ id: 'root', actingBy: null })
})

it('reloads the page when the acting has expired, and leaves it after a sign-out', async () => {
  const { world, client, location, post } = await openPage()
  await post('/act', { userId: 'anna' })
  world.expire()
  expect((await client.fetch('/me')).status).toBe(401)
  await until(() => expect(location.reload).toHaveBeenCalledTimes(1))
  expect([client.session.user, location.assign.mock.calls]).toStrictEqual([
    { id: 'root', actingBy: null },
    [],
  ])
  await client.signOut()
  await until(() => expect(location.assign.mock.calls).toStrictEqual([['/sign-in']]))
  expect(location.reload).toHaveBeenCalledTimes(1)
})
