import { describe, expect, it } from 'vitest'
import { type KeyPlace, unwrapKey, wrapKey } from '../../src/core/key-wrap.ts'
import { deriveSecrets } from '../../src/core/secrets.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'

describe('a secret', () => {
  const [secret] = deriveSecrets(SECRET, 'pawl')

  it('is turned into one key for each use', () => {
    const keys = [secret.refresh, secret.wrap, secret.csrf].map((key) => key.export().toString('hex'))
    expect(keys.map((key) => key.length)).toStrictEqual([64, 64, 64])
    expect(new Set(keys).size).toBe(3)
    expect(keys).not.toContain(Buffer.from(SECRET, 'base64url').toString('hex'))
  })

  it('gives the same keys in every process', () => {
    const [again] = deriveSecrets(SECRET, 'pawl')
    expect(again.id).toBe(secret.id)
    for (const use of ['refresh', 'wrap', 'csrf'] as const) expect(again[use].equals(secret[use])).toBe(true)
  })

  it('gives other keys in another schema', () => {
    const [elsewhere] = deriveSecrets(SECRET, 'other')
    for (const use of ['refresh', 'wrap', 'csrf'] as const)
      expect(elsewhere[use].equals(secret[use])).toBe(false)
  })
})

describe('a wrapped key', () => {
  const secrets = deriveSecrets(SECRET, 'pawl')
  const place: KeyPlace = { realm: 'pawl', epoch: 3, kid: 'kid', algorithm: 'HS256' }
  const material = Buffer.alloc(32, 'material')
  const wrapped = wrapKey(secrets[0], place, material)

  it('opens in its place', () => {
    expect(unwrapKey(secrets, place, wrapped)).toStrictEqual(material)
  })

  it('holds nothing readable and never looks the same twice', () => {
    expect(wrapped.includes(material.subarray(0, 8))).toBe(false)
    expect(wrapKey(secrets[0], place, material)).not.toStrictEqual(wrapped)
  })

  it.each([{ realm: 'other' }, { epoch: 4 }, { kid: 'dik' }, { algorithm: 'EdDSA' }])(
    'opens nowhere else: %j',
    (moved) => {
      expect(unwrapKey(secrets, { ...place, ...moved }, wrapped)).toBeNull()
    },
  )

  it('opens with no byte altered, and no byte missing', () => {
    for (let index = 0; index < wrapped.length; index++) {
      const altered = Buffer.from(wrapped)
      altered[index]! ^= 1
      expect(unwrapKey(secrets, place, altered)).toBeNull()
      expect(unwrapKey(secrets, place, wrapped.subarray(0, index))).toBeNull()
    }
    expect(unwrapKey(secrets, place, Buffer.concat([wrapped, Buffer.alloc(1)]))).toBeNull()
  })

  it('opens with the secret it was wrapped with, wherever in the list, and with no other', () => {
    expect(unwrapKey(deriveSecrets([NEW_SECRET, SECRET], 'pawl'), place, wrapped)).toStrictEqual(material)
    expect(unwrapKey(deriveSecrets(FOREIGN_SECRET, 'pawl'), place, wrapped)).toBeNull()
  })
})
