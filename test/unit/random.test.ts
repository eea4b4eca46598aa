import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it, onTestFinished } from 'vitest'
import { randomBytes } from '../../src/core/keys/random.ts'

const run = promisify(execFile)

it('returns the requested number of bytes, never repeats them, and never changes them later', () => {
  const given = Array.from({ length: 2000 }, (_, index) => randomBytes(16 + (index % 3) * 8))
  const before = given.map((bytes) => bytes.toString('hex'))
  expect(given.map(({ length }) => length)).toStrictEqual(given.map((_, index) => 16 + (index % 3) * 8))
  // Two 8-byte pieces are equal once in 10^12 runs.
  const pieces = given.flatMap((bytes) => [0, 8].map((at) => bytes.subarray(at, at + 8).toString('hex')))
  expect(new Set(pieces).size).toBe(pieces.length)
  expect(given.map((bytes) => bytes.toString('hex'))).toStrictEqual(before)
  const ones = Buffer.concat(given).reduce(
    (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
    0,
  )
  const bits = Buffer.concat(given).length * 8
  // Five standard deviations.
  expect(Math.abs(ones - bits / 2)).toBeLessThan((5 * Math.sqrt(bits)) / 2)
})

it('two processes that start from one snapshot draw different bytes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const script = join(folder, 'snapshot.cjs')
  const blob = join(folder, 'snapshot.blob')
  // A draw while the snapshot is built fills the pool that all processes then share.
  await build({
    stdin: {
      contents: `
        import { startupSnapshot } from 'node:v8'
        import { randomBytes } from './random.ts'
        randomBytes(16)
        startupSnapshot.setDeserializeMainFunction(() => console.log(randomBytes(16).toString('hex')))`,
      resolveDir: fileURLToPath(new URL('../../src/core/keys', import.meta.url)),
    },
    bundle: true,
    platform: 'node',
    format: 'iife',
    outfile: script,
    logLevel: 'silent',
  })
  await run(process.execPath, ['--snapshot-blob', blob, '--build-snapshot', script])
  const start = async (): Promise<string> =>
    (await run(process.execPath, ['--snapshot-blob', blob, 'main'])).stdout.trim()
  const [one, other] = [await start(), await start()]
  expect(one).toMatch(/^[0-9a-f]{32}$/)
  expect(other).not.toBe(one)
})
