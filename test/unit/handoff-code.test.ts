import { describe, expect, it } from 'vitest'
import { deriveSecrets } from '../../src/core/keys/secrets.ts'
import {
  challengePrint,
  type HandoffCode,
  mintHandoffCode,
  originPrint,
  parseHandoffCode,
  provesChallenge,
  witnessOf,
} from '../../src/core/tokens/handoff-code.ts'
import { sha256 } from '../support/proofs.ts'
import { NOON, print } from '../support/rows.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'

const secrets = deriveSecrets(SECRET, 'memory')
const parentId = '01b8dd58-e200-7665-aca7-d0c2ef2e2ab7'
const sessionId = '01b8dd58-e200-7867-ad0d-5819787594ad'
const VERIFIER = 'v'.repeat(43)
/** RFC 7636 appendix B. */
const RFC_VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const RFC_CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

const sample: HandoffCode = {
  parentId,
  sessionId,
  at: NOON,
  endsWithParent: true,
  witness: witnessOf(print('anchor'), sessionId),
  origin: originPrint('https://shop.example.com'),
  challenge: challengePrint(sha256(VERIFIER)),
}
const refused = (reason: string): object => expect.objectContaining({ code: 'ERR_HANDOFF_REFUSED', reason })
const UNKNOWN = expect.objectContaining({ code: 'ERR_SECRET_UNKNOWN' })

describe('a code', () => {
  it.each([sample, { ...sample, endsWithParent: false }, { ...sample, challenge: null }])(
    'comes back as it was made',
    (code) => {
      const value = mintHandoffCode(secrets, code)
      expect(value).toMatch(/^pawl_h1_[\w-]{140}$/)
      const { witness, origin, challenge, ...fields } = parseHandoffCode(secrets, value)
      expect({
        ...fields,
        witness: Buffer.from(witness),
        origin: Buffer.from(origin),
        challenge: challenge && Buffer.from(challenge),
      }).toStrictEqual(code)
    },
  )

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['an array with a code', [mintHandoffCode(secrets, sample)]],
    ['an empty text', ''],
    ['a code and a space', `${mintHandoffCode(secrets, sample)} `],
    ['a code with padding', `${mintHandoffCode(secrets, sample)}=`],
    ['a code without its end', mintHandoffCode(secrets, sample).slice(0, -1)],
    ['another prefix', mintHandoffCode(secrets, sample).replace('pawl_h', 'pawl_r')],
    ['base64 instead of base64url', `pawl_h1_${'+'.repeat(140)}`],
    ['a megabyte', `pawl_h1_${'A'.repeat(1 << 20)}`],
    ['a megabyte of another version', `pawl_h2_${'A'.repeat(1 << 20)}`],
  ])('is refused for %s', (_, value) => {
    expect(() => parseHandoffCode(secrets, value)).toThrow(refused('invalid') as Error)
  })

  it.each([
    ['another secret', mintHandoffCode(deriveSecrets(FOREIGN_SECRET, 'memory'), sample)],
    ['a later release', 'pawl_h2_abc'],
  ])('of %s is for another process', (_, value) => {
    expect(() => parseHandoffCode(secrets, value)).toThrow(UNKNOWN as Error)
  })

  it('of a retired secret is accepted while that is still in the list, and of another schema never', () => {
    const value = mintHandoffCode(secrets, sample)
    expect(parseHandoffCode(deriveSecrets([FOREIGN_SECRET, SECRET], 'memory'), value).at).toBe(NOON)
    expect(() => parseHandoffCode(deriveSecrets(SECRET, 'other'), value)).toThrow(UNKNOWN as Error)
  })

  it('has a MAC of its own purpose', () => {
    const [secret] = secrets
    const value = mintHandoffCode(secrets, sample)
    const bytes = Buffer.from(value.slice(8), 'base64url')
    for (const purpose of ['refresh', 'device'] as const) {
      const input = Buffer.concat([Buffer.from('pawl_h1_'), bytes.subarray(0, 89)])
      const forged = Buffer.concat([bytes.subarray(0, 89), secret[purpose].digest(input).subarray(0, 16)])
      expect(() => parseHandoffCode(secrets, `pawl_h1_${forged.toString('base64url')}`)).toThrow(
        refused('invalid') as Error,
      )
    }
  })
})

describe('a challenge', () => {
  const bound = (challenge: unknown): HandoffCode => ({ ...sample, challenge: challengePrint(challenge) })

  it('is met by its verifier alone', () => {
    expect(provesChallenge(bound(RFC_CHALLENGE), RFC_VERIFIER)).toBe(true)
    for (const other of [VERIFIER, RFC_CHALLENGE, `${RFC_VERIFIER}a`, '', undefined, null, [RFC_VERIFIER]])
      expect(provesChallenge(bound(RFC_CHALLENGE), other)).toBe(false)
  })

  it('takes verifiers of 43 to 128 characters', () => {
    for (const [length, expected] of [
      [42, false],
      [43, true],
      [128, true],
      [129, false],
    ] as const) {
      const verifier = '~'.repeat(length)
      expect(provesChallenge(bound(sha256(verifier)), verifier)).toBe(expected)
    }
    const umlaut = 'ä'.repeat(43)
    expect(provesChallenge(bound(sha256(umlaut)), umlaut)).toBe(false)
  })

  it('cannot be left out: a verifier for a code without one is refused', () => {
    const free = { ...sample, challenge: null }
    expect(provesChallenge(free, undefined)).toBe(true)
    expect(provesChallenge(free, VERIFIER)).toBe(false)
  })

  it.each([undefined, null, 7, '', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}=`, 'b'.repeat(43)])(
    'is refused if it is no S256 challenge: %j',
    (challenge) => {
      expect(() => challengePrint(challenge)).toThrow(refused('challenge') as Error)
    },
  )
})
