import { createHmac, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type KeyPlace, unwrapKey, wrapKey } from '../../src/core/keys/key-wrap.ts'
import { deriveSecrets, type Secret } from '../../src/core/keys/secrets.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'

describe('a secret', () => {
  const [secret] = deriveSecrets(SECRET, 'pawl')
  const input = 'the same input'
  /** The output of each key for one input. */
  const macs = ({ refresh, ...others }: Secret): string[] => [
    refresh.digest(Buffer.from(input)).toString('hex'),
    ...[others.wrap, others.csrf, others.context].map((key) => macBy(key)),
  ]
  const macBy = (key: KeyObject | Buffer): string => createHmac('sha256', key).update(input).digest('hex')

  it('is derived into a key of 32 bytes for each use', () => {
    for (const key of [secret.wrap, secret.csrf, secret.context]) expect(key.symmetricKeySize).toBe(32)
    expect(new Set(macs(secret)).size).toBe(4)
    expect(macs(secret)).not.toContain(macBy(Buffer.from(SECRET, 'base64url')))
  })

  it('derives the same keys in every process', () => {
    const [again] = deriveSecrets(SECRET, 'pawl')
    expect(again.id).toBe(secret.id)
    expect(macs(again)).toStrictEqual(macs(secret))
  })

  it('derives other keys in another schema', () => {
    const [elsewhere] = deriveSecrets(SECRET, 'other')
    for (const mac of macs(elsewhere)) expect(macs(secret)).not.toContain(mac)
  })
})

describe('a wrapped key', () => {
  const secrets = deriveSecrets(SECRET, 'pawl')
  const place: KeyPlace = { realm: 'pawl', epoch: 3, kid: 'kid', algorithm: 'HS256' }
  const material = Buffer.alloc(32, 'material')
  const wrapped = wrapKey(secrets[0], place, material)

  it('decrypts in its own row', () => {
    expect(unwrapKey(secrets, place, wrapped)).toStrictEqual(material)
  })

  it('has no readable content and differs each time', () => {
    expect(wrapped.includes(material.subarray(0, 8))).toBe(false)
    expect(wrapKey(secrets[0], place, material)).not.toStrictEqual(wrapped)
  })

  it.each([{ realm: 'other' }, { epoch: 4 }, { kid: 'dik' }, { algorithm: 'EdDSA' }])(
    'opens nowhere else: %j',
    (moved) => {
      expect(unwrapKey(secrets, { ...place, ...moved }, wrapped)).toBeNull()
    },
  )

  it('does not decrypt with a byte altered or missing', () => {
    for (let index = 0; index < wrapped.length; index++) {
      const altered = Buffer.from(wrapped)
      altered[index]! ^= 1
      expect(unwrapKey(secrets, place, altered)).toBeNull()
      expect(unwrapKey(secrets, place, wrapped.subarray(0, index))).toBeNull()
    }
    expect(unwrapKey(secrets, place, Buffer.concat([wrapped, Buffer.alloc(1)]))).toBeNull()
  })

  it('decrypts with its own secret at any place in the list, and with no other', () => {
    expect(unwrapKey(deriveSecrets([NEW_SECRET, SECRET], 'pawl'), place, wrapped)).toStrictEqual(material)
    expect(unwrapKey(deriveSecrets(FOREIGN_SECRET, 'pawl'), place, wrapped)).toBeNull()
  })
})
