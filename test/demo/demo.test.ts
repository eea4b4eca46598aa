import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { codeOf, createBrowser, stealFrom } from './browser.ts'
import { startDemo } from './process.ts'

// Each start compiles the demo.
vi.setConfig({ testTimeout: 120_000 })

test('the demo detects a theft, and deletes its data when it stops', async () => {
  const temporary = await temporaryDirectory()
  const demo = startDemo({ PORT: '0', TMPDIR: temporary })
  const origin = await demo.address()

  const page = await fetch(origin)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(await page.text()).toContain('Sign in')

  const owner = createBrowser(origin)
  expect((await owner.post('/login', { name: 'Ada', remember: 'on' })).status).toBe(303)
  const events = await owner.get('/api/events')
  const thief = await stealFrom(owner, origin)
  const move = async (): Promise<string[]> => {
    const thiefCodes = [await thief.refresh(), await thief.use()]
    // Pawl advances the session in the background.
    await sleep(300)
    const ownerCodes = [
      await codeOf(await owner.post('/session/refresh')),
      await codeOf(await owner.get('/api/me')),
    ]
    await sleep(300)
    return [...thiefCodes, ...ownerCodes]
  }
  // Shortly after a rotation Pawl accepts siblings, because responses get lost. That includes the thief's.
  expect(await move()).toEqual(['ok', 'ok', 'ok', 'ok'])
  // Real time, because the demo is watched in real time. Siblings are accepted for twice the overlap plus 5 s.
  await sleep(9500)
  const [refreshed, used, ownerRefreshed, ownerUsed] = await move()
  expect([refreshed, used]).toEqual(['ok', 'ok'])
  expect(ownerRefreshed).toBe('refresh_token_reused')
  // The refresh route has cleared the cookies.
  expect(ownerUsed).toBe('not_signed_in')
  expect([await thief.refresh(), await thief.use()]).toEqual(['session_ended', 'session_ended'])
  expect(await events.text()).toContain('"type":"reused"')

  const postgres = await postmasterOf(temporary)
  expect(isAlive(postgres)).toBe(true)
  expect(await demo.stop('SIGINT')).toBe(0)
  expect(isAlive(postgres)).toBe(false)
  expect(await leftoversIn(temporary)).toEqual([])
})

test('the demo stops cleanly while it starts', async () => {
  const temporary = await temporaryDirectory()
  const demo = startDemo({ PORT: '0', TMPDIR: temporary })
  await demo.printed(/Starting/)
  expect(await demo.stop('SIGTERM')).toBe(0)
  expect(await leftoversIn(temporary)).toEqual([])
})

test('the demo reports an unreachable database without its password', async () => {
  const demo = startDemo({ PORT: '0', DATABASE_URL: 'postgres://user:hidden@127.0.0.1:1/nothing' })
  expect(await demo.exitCode).toBe(1)
  const output = await demo.printed(/could not start/)
  expect(output).toContain('127.0.0.1:1/nothing')
  expect(output).toContain('DATABASE_URL')
  expect(output).not.toContain('hidden')
})

test('the demo takes the next port if its own is in use', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address() as { port: number }
  const demo = startDemo({ PORT: String(port), TMPDIR: await temporaryDirectory() })
  const origin = new URL(await demo.address())
  expect(Number(origin.port)).toBeGreaterThan(port)
  expect(await demo.stop('SIGINT')).toBe(0)
})

test('the demo explains its settings, and refuses arguments', async () => {
  const help = startDemo({}, ['--help'])
  expect(await help.exitCode).toBe(0)
  expect(help.output()).toMatch(/^npm start\n.*DATABASE_URL.*PAWL_SECRET.*PORT/s)
  const wrong = startDemo({}, ['--port=1'])
  expect(await wrong.exitCode).toBe(2)
  expect(wrong.output()).toContain("no argument '--port=1'")
})

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pawl-demo-test-'))
  // As root, the demo runs PostgreSQL as another user, who needs access.
  await chmod(directory, 0o755)
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Without the cache of tsx, which other processes share. */
async function leftoversIn(temporary: string): Promise<string[]> {
  return (await readdir(temporary)).filter((name) => name.startsWith('pawl-'))
}

async function postmasterOf(temporary: string): Promise<number> {
  const [home] = await leftoversIn(temporary)
  const file = await readFile(join(temporary, home!, 'data', 'postmaster.pid'), 'utf8')
  return Number(file.split('\n')[0])
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
