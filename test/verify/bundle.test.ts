import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { bundleForEdge } from './bundle.ts'

const ENTRY = new URL('../../src/verify/index.ts', import.meta.url)
/** Of it 1.2 kB read proofs of devices. They are no entry of their own: a verifier that gets a proof must never ignore it. */
const BUDGET = 8.8 * 1024

describe('pawl/verify as a bundle', () => {
  it('imports nothing from Node and uses none of its globals', async () => {
    const { code, inputs } = await bundleForEdge(ENTRY)
    expect(code).not.toMatch(/node:|\brequire\b|\bimport\b|\bBuffer\b|\bprocess\b|\b__dirname\b|\bglobal\b/)
    for (const input of inputs)
      expect(input).toMatch(/^src\/(core|portable|verify|wire|http\/(problem|reply))/)
  })

  it(`is smaller than ${BUDGET} bytes, minified and compressed`, async () => {
    const { code } = await bundleForEdge(ENTRY)
    const bytes = gzipSync(code, { level: 9 }).length
    expect(bytes).toBeLessThan(BUDGET)
  })
})
