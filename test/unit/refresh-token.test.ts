import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deriveSecrets, type Secrets } from '../../src/core/keys/secrets.ts'
import {
  assertGenuine,
  fingerprint,
  mintRefreshToken,
  NO_PARENT,
  parseRefreshToken,
  type RefreshToken,
} from '../../src/core/tokens/refresh-token.ts'
import { coded } from '../support/errors.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'

const INVALID = coded('ERR_REFRESH_TOKEN_INVALID')
const UNKNOWN = coded('ERR_SECRET_UNKNOWN', { retryAfter: 30 })

const secrets = deriveSecrets(SECRET, 'pawl')
const fields = {
  sessionId: '01890a5d-ac96-774b-bcce-b302099a8057',
  generation: 41,
  issuedAt: 1_900_000_000_123,
  parent: Buffer.alloc(16, 'parent'),
  anchor: Buffer.alloc(16, 'anchor'),
}
const minted = mintRefreshToken(secrets, fields)
const bytes = Buffer.from(minted.value.slice('pawl_r1_'.length), 'base64url')
const spelled = (content: Uint8Array): string => `pawl_r1_${Buffer.from(content).toString('base64url')}`

/** Parses as `sessions.refresh` does. */
const parse = (given: Secrets, value: unknown): RefreshToken => assertGenuine(parseRefreshToken(given, value))

describe('a refresh token', () => {
  it('is a prefix and 92 bytes of base64url', () => {
    expect(minted.value).toMatch(/^pawl_r1_[\w-]{123}$/)
    expect(bytes).toHaveLength(92)
  })

  it('holds its fields where the format says', () => {
    expect(bytes.readUInt16BE(0)).toBe(secrets[0].id)
    expect(bytes.toString('hex', 2, 18)).toBe(fields.sessionId.replaceAll('-', ''))
    expect(bytes.readUInt32BE(18)).toBe(41)
    expect(bytes.readUIntBE(22, 6)).toBe(1_900_000_000_123)
    expect(bytes.subarray(28, 44)).toStrictEqual(fields.parent)
    expect(bytes.subarray(44, 60)).toStrictEqual(fields.anchor)
  })

  it('is MACed over prefix and fields under a key derived from the secret', () => {
    const key = hkdfSync('sha256', Buffer.from(SECRET, 'base64url'), '', 'pawl/v1/refresh/pawl', 32)
    const mac = createHmac('sha256', Buffer.from(key))
      .update('pawl_r1_')
      .update(bytes.subarray(0, 76))
      .digest()
    expect(bytes.subarray(76)).toStrictEqual(mac.subarray(0, 16))
  })

  it('has a nonce and so a fingerprint of its own, however often it is minted', () => {
    const again = mintRefreshToken(secrets, fields)
    expect(again.value).not.toBe(minted.value)
    expect(again.fingerprint).not.toStrictEqual(minted.fingerprint)
  })

  it('is known by the first 16 bytes of SHA-256 over its decoded bytes', () => {
    const digest = createHash('sha256').update(bytes).digest().subarray(0, 16)
    expect(Buffer.from(minted.fingerprint)).toStrictEqual(digest)
    expect(fingerprint(bytes)).toStrictEqual(digest)
  })

  it('comes back from parsing as it was minted', () => {
    expect(parse(secrets, minted.value)).toStrictEqual(minted)
  })

  it.each([0, 2 ** 31 - 2])('may be of generation %i', (generation) => {
    const { value } = mintRefreshToken(secrets, { ...fields, generation, parent: NO_PARENT })
    expect(parse(secrets, value)).toMatchObject({ generation, parent: Buffer.alloc(16) })
  })

  it('is of no later generation than the column can hold', () => {
    const { value } = mintRefreshToken(secrets, { ...fields, generation: 2 ** 31 - 1 })
    expect(() => parse(secrets, value)).toThrow(INVALID)
  })
})

describe('parsing a refresh token refuses', () => {
  it('every truncation', () => {
    for (let length = 0; length < minted.value.length; length++) {
      expect(() => parse(secrets, minted.value.slice(0, length))).toThrow(INVALID)
    }
  })

  it('every single flipped bit; one in the secret id means another secret', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => parse(secrets, spelled(flipped))).toThrow(bit < 16 ? UNKNOWN : INVALID)
    }
  })

  it('any other spelling of the same bytes', () => {
    const last = minted.value.at(-1)!
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const unusedBits of [1, 2, 3]) {
      const value = minted.value.slice(0, -1) + alphabet[alphabet.indexOf(last) + unusedBits]
      expect(Buffer.from(value.slice('pawl_r1_'.length), 'base64url')).toStrictEqual(bytes)
      expect(() => parse(secrets, value)).toThrow(INVALID)
    }
    expect(() => parse(secrets, `${minted.value}=`)).toThrow(INVALID)
    expect(() => parse(secrets, ` ${minted.value}`)).toThrow(INVALID)
    expect(() => parse(secrets, `${minted.value}\n`)).toThrow(INVALID)
    expect(() => parse(secrets, minted.value.replace('pawl', 'PAWL'))).toThrow(INVALID)
    const standard = `pawl_r1_${Buffer.alloc(92, 0xff).toString('base64').replace('=', '')}`
    expect(() => parse(secrets, standard)).toThrow(INVALID)
  })

  it('bytes too few and too many', () => {
    expect(() => parse(secrets, spelled(bytes.subarray(0, 91)))).toThrow(INVALID)
    expect(() => parse(secrets, spelled(Buffer.concat([bytes, Buffer.alloc(1)])))).toThrow(INVALID)
  })

  it('64 kB of anything', () => {
    expect(() => parse(secrets, spelled(randomBytes(48 * 1024)))).toThrow(INVALID)
    expect(() => parse(secrets, 'a'.repeat(64 * 1024))).toThrow(INVALID)
    expect(() => parse(secrets, `pawl_r2_${'a'.repeat(64 * 1024)}`)).toThrow(INVALID)
  })

  it.each(['', 'x', 'é'.repeat(131), `pawl_r1_${'é'.repeat(123)}`, `pawl_r1_${'\0'.repeat(123)}`, '💥'])(
    'the text %j',
    (value) => {
      expect(() => parse(secrets, value)).toThrow(INVALID)
    },
  )

  it.each([undefined, null, 0, true, {}, [minted.value], Buffer.from(minted.value)])(
    'what is not text: %s',
    (value) => {
      expect(() => parse(secrets, value)).toThrow(INVALID)
    },
  )
})

describe('a half-finished deploy is "later", not "no"', () => {
  it('for a token of a later format', () => {
    for (const value of [
      minted.value.replace('_r1_', '_r2_'),
      'pawl_r2_x',
      'pawl_r123_short-one',
      `pawl_r12345_a.b~${'c'.repeat(3000)}=`,
    ]) {
      expect(() => parse(secrets, value)).toThrow(UNKNOWN)
    }
  })

  it('for a token of a secret this process does not have', () => {
    expect(() => parse(deriveSecrets(FOREIGN_SECRET, 'pawl'), minted.value)).toThrow(UNKNOWN)
  })

  it('but not for a token that names a secret it was not made with', () => {
    const foreign = deriveSecrets(FOREIGN_SECRET, 'pawl')
    const claimed = Buffer.from(bytes)
    claimed.writeUInt16BE(foreign[0].id, 0)
    expect(() => parse(foreign, spelled(claimed))).toThrow(INVALID)
  })
})

describe('several secrets', () => {
  it('mint with the first and accept all', () => {
    const both = deriveSecrets([NEW_SECRET, SECRET], 'pawl')
    expect(parse(both, minted.value).generation).toBe(41)
    const { value } = mintRefreshToken(both, fields)
    expect(parse(deriveSecrets(NEW_SECRET, 'pawl'), value).generation).toBe(41)
    expect(() => parse(secrets, value)).toThrow(UNKNOWN)
  })

  it('are other secrets in another schema', () => {
    expect(() => parse(deriveSecrets(SECRET, 'elsewhere'), minted.value)).toThrow(UNKNOWN)
  })
})
