import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)

it('ARCHITECTURE.md lists the files that run for a request, in order', async () => {
  const checked = run(process.execPath, ['scripts/request-paths/main.js', '--check'])
  await expect(checked).resolves.toMatchObject({ stdout: '' })
})
