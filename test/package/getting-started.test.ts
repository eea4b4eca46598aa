import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, inject, it, onTestFinished } from 'vitest'
import { createFolder, install } from '../support/packed-package.ts'

/** The first code of a section of the page. */
async function codeOf(section: string): Promise<string> {
  const page = await readFile('docs/start/index.md', 'utf8')
  const code = new RegExp(`## ${section}\n.*?\`\`\`ts\n(.*?)\`\`\``, 's').exec(page)
  return code![1]!
}

it('the page needs npm packages alone, and sessions outlive the process', { timeout: 120_000 }, async () => {
  const page = await readFile('docs/start/index.md', 'utf8')
  const packages = /npm install pawl (.+)/.exec(page)![1]!.split(' ')
  const folder = await createFolder('started')
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  await install(folder, [inject('tarball'), ...packages])
  // The system chooses the port.
  const server = (await codeOf('node:http')).replace(
    '.listen(3000)',
    '.listen(0, function () { console.log(this.address().port) })',
  )
  const { outputText } = ts.transpileModule(`${await codeOf('Create')}${server}`, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  })
  await writeFile(join(folder, 'app.js'), outputText)

  const env = { ...process.env, PAWL_SECRET: randomBytes(32).toString('base64url') }
  async function start(): Promise<{ origin: string; process: ChildProcess }> {
    const child = spawn(process.execPath, ['app.js'], { cwd: folder, env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const [port] = await once(child.stdout, 'data')
    return { origin: `http://localhost:${String(port).trim()}`, process: child }
  }
  const first = await start()
  const login = await fetch(`${first.origin}/login`, { method: 'POST' })
  expect(login.status).toBe(200)
  const cookie = login.headers
    .getSetCookie()
    .map((text) => text.split(';', 1)[0])
    .join('; ')
  const closed = once(first.process, 'close')
  first.process.kill('SIGKILL')
  await closed

  const second = await start()
  const answer = await fetch(second.origin, { headers: { cookie } })
  expect([answer.status, await answer.text()]).toStrictEqual([200, 'Hello 42'])
})
