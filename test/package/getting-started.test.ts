import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { createFolder, install } from '../support/packed-package.ts'

it('the page needs npm packages alone, and sessions outlive the process', { timeout: 120_000 }, async () => {
  const page = await readFile('docs/start/index.md', 'utf8')
  const packages = /npm install pawl (.+)/.exec(page)![1]!.split(' ')
  const [, application] = /```js\n\/\/ app\.mjs\n(.*?)```/s.exec(page)!
  const folder = await createFolder('started')
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await install(folder, [inject('tarball'), ...packages])
  // The system chooses the port.
  const code = application!.replace(
    /app\.listen\(3000, .*?\n\}\)\n/s,
    "const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))\n",
  )
  await writeFile(join(folder, 'app.mjs'), code)

  const env = { ...process.env, PAWL_SECRET: randomBytes(32).toString('base64url') }
  async function start(): Promise<{ origin: string; process: ChildProcess }> {
    const child = spawn(process.execPath, ['app.mjs'], { cwd: folder, env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const [port] = await once(child.stdout, 'data')
    return { origin: `http://localhost:${String(port).trim()}`, process: child }
  }
  const first = await start()
  const visitor = await fetch(`${first.origin}/account`, { headers: { accept: 'text/html' } })
  expect(visitor.status).toBe(401)
  expect(await (await fetch(first.origin)).text()).toContain('Sign in as Anna')
  const login = await fetch(`${first.origin}/sign-in`, { method: 'POST', redirect: 'manual' })
  expect([login.status, login.headers.get('location')]).toStrictEqual([303, '/account'])
  const cookie = login.headers
    .getSetCookie()
    .map((text) => text.split(';', 1)[0])
    .join('; ')
  const closed = once(first.process, 'close')
  first.process.kill('SIGKILL')
  await closed

  const second = await start()
  const account = await fetch(`${second.origin}/account`, { headers: { cookie } })
  expect(account.status).toBe(200)
  expect(await account.text()).toContain('Hello Anna, you are user 42.')
  const out = await fetch(`${second.origin}/sign-out`, {
    method: 'POST',
    headers: { cookie },
    redirect: 'manual',
  })
  expect([out.status, out.headers.get('location')]).toStrictEqual([303, '/'])
  expect((await fetch(`${second.origin}/account`, { headers: { cookie } })).status).toBe(401)
})
