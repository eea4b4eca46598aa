import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyOf, verifySignature } from '../../src/core/device/device-key.ts'
import { matchesTarget, parseProof, unquote } from '../../src/portable/proof.ts'
import { encodePart } from '../support/jwt.ts'
import { createDevice } from '../support/proofs.ts'

const CASES = { numRuns: 500, seed: 23 }
const device = createDevice()
const payload = { htm: 'POST', htu: 'https://app.example/session/refresh', iat: 1, nonce: 'n' }
const good = device.dpop(payload)
const type = fc.constantFrom('dpop+jwt' as const, 'dbsc+jwt' as const)

/** Whether a text is a proof with a valid signature. */
function accepted(value: string): boolean {
  const proof = parseProof(value, 'dpop+jwt')
  const key = proof?.jwk ? keyOf(proof.jwk) : null
  return proof !== null && key !== null && verifySignature(key, proof.input, proof.signature)
}

describe('a proof', () => {
  it('of any text or value is read without an error', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String().map((text) => text.replace(/=/g, '')),
      fc.json().map(encodePart),
      fc.constantFrom(...good.split('.')),
    )
    const value = fc.oneof(
      fc.anything(),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
    )
    fc.assert(
      fc.property(value, type, (given, typ) => {
        const proof = parseProof(given, typ)
        expect(proof === null || typeof given === 'string').toBe(true)
      }),
      CASES,
    )
  })

  it('of any header and claims is read without an error, or has fields of the right types', () => {
    const json = fc.jsonValue({ maxDepth: 2 })
    const { jwk } = device
    const header = fc.record(
      {
        typ: fc.oneof(type, json),
        alg: fc.oneof(fc.constant('ES256'), json),
        jwk: fc.oneof(fc.constant(jwk), fc.record({ kty: json, crv: json, x: json, y: json }), json),
        crit: json,
      },
      { requiredKeys: [] },
    )
    const text = fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), json)
    const number = fc.oneof(fc.integer(), json)
    const claims = fc.record(
      { jti: text, htm: text, htu: text, iat: number, nonce: text, ath: text },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(header, claims, type, (given, body, typ) => {
        const proof = parseProof(device.sign(`${encodePart(given)}.${encodePart(body)}`), typ)
        if (proof === null) return
        expect([given.typ, given.alg, 'crit' in given]).toStrictEqual([typ, 'ES256', false])
        expect(typeof proof.jti).toBe('string')
        for (const name of ['htm', 'htu', 'nonce', 'ath'] as const)
          expect(['string', 'object']).toContain(typeof proof[name])
        expect(proof.iat === null || Number.isSafeInteger(proof.iat)).toBe(true)
        if (typ === 'dpop+jwt') expect([proof.jwk, proof.htm, proof.htu, proof.iat]).not.toContain(null)
      }),
      CASES,
    )
  })

  it('with a changed bit or character is never accepted', () => {
    expect(accepted(good)).toBe(true)
    const place = fc.nat(good.length - 1)
    const changed = fc.oneof(
      fc
        .tuple(place, fc.nat(6))
        .map(([at, bit]) => replaced(at, String.fromCharCode(good.charCodeAt(at) ^ (1 << bit)))),
      fc.tuple(place, fc.string({ unit: 'binary', maxLength: 3 })).map(([at, text]) => replaced(at, text)),
      place.map((at) => good.slice(0, at)),
    )
    fc.assert(
      fc.property(changed, (value) => {
        if (value !== good) expect(accepted(value)).toBe(false)
      }),
      CASES,
    )
  })

  it('with a changed bit in any byte of a part is never accepted', () => {
    fc.assert(
      fc.property(fc.nat(2), fc.nat(1000), fc.nat(7), (part, place, bit) => {
        const parts = good.split('.')
        const bytes = Buffer.from(parts[part]!, 'base64url')
        bytes[place % bytes.length]! ^= 1 << bit
        parts[part] = bytes.toString('base64url')
        expect(accepted(parts.join('.'))).toBe(false)
      }),
      CASES,
    )
  })

  it('is for no request without an error, whatever the texts', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.constantFrom('app.example', '/a'))
    fc.assert(
      fc.property(text, text, text, (htu, host, path) => {
        const matches = matchesTarget({ htm: 'GET', htu }, 'GET', host, path)
        if (matches) expect(new URL(htu).host).toBe(new URL(`${htu.split(':')[0]}://${host}`).host)
        expect(unquote(htu)).toMatch(/^[\w.-]*$/)
      }),
      CASES,
    )
  })
})

const replaced = (at: number, text: string): string => good.slice(0, at) + text + good.slice(at + 1)
