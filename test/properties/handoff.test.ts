import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isSessionsError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sha256 } from '../support/proofs.ts'
import { openSessions } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

const CASES = { numRuns: 700 }
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const ORIGIN = 'https://shop.example.com'
const VERIFIER = 'v'.repeat(43)
const REFUSED = ['ERR_HANDOFF_REFUSED', 'ERR_SECRET_UNKNOWN']

async function open(): Promise<{
  readonly code: string
  /** Redeems what must be refused without a call on the store. */
  readonly refuse: (code: unknown, verifier?: unknown) => Promise<void>
  readonly accept: () => Promise<unknown>
}> {
  const { store, calls } = counting(memory())
  const { now } = createFakeClock()
  const sessions = await openSessions({ store, now, revocation: { pollInterval: 60 } })
  const { sessionId } = (await sessions.create({ userId: 'anna' })).session
  const { code } = await sessions.handoff(sessionId, { origin: ORIGIN, challenge: sha256(VERIFIER) })
  calls.length = 0
  return {
    code,
    async refuse(given, verifier = VERIFIER) {
      const outcome = await sessions.redeem(given as string, { origin: ORIGIN, verifier }).then(
        () => 'accepted',
        (error) => (isSessionsError(error) ? error.code : String(error)),
      )
      if (!REFUSED.includes(outcome)) expect.fail(`${outcome}: ${JSON.stringify(given)}`)
      if (calls.length > 0) expect.fail(`asked the store: ${JSON.stringify(given)}`)
    },
    accept: () => sessions.redeem(code, { origin: ORIGIN, verifier: VERIFIER }),
  }
}

it('no code that differs in one bit reaches the store', async () => {
  const { code, refuse, accept } = await open()
  for (let at = 0; at < code.length; at++) {
    const value = ALPHABET.indexOf(code[at]!)
    for (const bit of [1, 2, 4, 8, 16, 32])
      await refuse(code.slice(0, at) + ALPHABET[value ^ bit]! + code.slice(at + 1))
  }
  await accept()
})

it('no text that is nearly a code reaches the store', async () => {
  const { code, refuse, accept } = await open()
  const nearly = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .string({ unit: fc.constantFrom(...ALPHABET), minLength: 140, maxLength: 140 })
      .map((t) => `pawl_h1_${t}`),
    fc.nat(code.length - 1).map((length) => code.slice(0, length)),
    fc.nat(code.length - 1).map((from) => code.slice(from + 1)),
    fc
      .tuple(fc.nat(code.length), fc.string({ minLength: 1 }))
      .map(([at, more]) => code.slice(0, at) + more + code.slice(at)),
    fc.mixedCase(fc.constant(code)).filter((text) => text !== code),
    fc.constantFrom(`${code}=`, `"${code}"`, code + code, encodeURIComponent(` ${code}`), [code], { code }),
    fc.anything(),
  )
  await fc.assert(
    fc.asyncProperty(nearly, (given) => refuse(given)),
    CASES,
  )
  await accept()
})

it('no verifier but its own redeems a code', async () => {
  const { code, refuse, accept } = await open()
  const other = fc.oneof(
    fc.string({ unit: fc.constantFrom(...ALPHABET, '.', '~'), minLength: 43, maxLength: 128 }),
    fc
      .nat(200)
      .map((length) => 'v'.repeat(length))
      .filter((text) => text !== VERIFIER),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.anything().filter((value) => value !== undefined),
  )
  await fc.assert(
    fc.asyncProperty(
      other.filter((value) => value !== VERIFIER),
      (verifier) => refuse(code, verifier),
    ),
    CASES,
  )
  await accept()
})
