import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { Report } from './report.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** Runs the command of `npm run test:chaos`. */
function chaos(...options: string[]): Promise<{ report: Report & { broken: string[] }; code: number }> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      ['--import', TSX, MAIN, '--json', ...options],
      { maxBuffer: 16 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        try {
          resolve({ report: JSON.parse(stdout), code: child.exitCode ?? -1 })
        } catch {
          reject(new Error(stderr))
        }
      },
    )
    // The command cleans up on SIGTERM.
    onTestFinished(() => void child.kill('SIGTERM'))
  })
}

// The full run, `npm run test:chaos`, takes minutes and an idle machine.
test('a store that sometimes returns no row logs nobody out', { timeout: 60_000 }, async () => {
  const { report, code } = await chaos('--part', 'zero-rows', '--seed', '1')
  expect(report.zeroRows).toMatchObject({ loggedOut: 0, reused: 0 })
  expect(report.zeroRows!.operations).toBeGreaterThan(4000)
  expect(report.zeroRows!.zeroRows).toBeGreaterThan(20)
  expect(code).toBe(0)
})
