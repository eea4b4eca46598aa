import { describe, expect, it } from 'vitest'
import { createVerifier, type VerifierOptions } from '../../src/verify/index.ts'
import { coded } from '../support/errors.ts'

const jwks = 'https://app.example.com/.well-known/jwks.json'

describe('the options of a verifier', () => {
  it.each([
    'https://app.example.com/.well-known/jwks.json',
    'http://localhost:3000/jwks',
    'http://app.localhost:3000/jwks',
    'http://127.0.0.1:3000/jwks',
    'http://[::1]:3000/jwks',
  ])('accept the address %s', (address) => {
    expect(() => createVerifier({ jwks: address, revocations: new URL(address) })).not.toThrow()
    expect(() => createVerifier({ jwks: new URL(address), revocations: address })).not.toThrow()
  })

  it.each([
    'http://app.example.com/jwks',
    'http://localhost.example.com/jwks',
    'http://127.0.0.1.example.com/jwks',
    'http://10.0.0.1/jwks',
    'https://user:password@app.example.com/jwks',
    'ftp://app.example.com/jwks',
    'data:application/json,{}',
    'file:///etc/keys.json',
    '/jwks',
    '',
  ])('refuse the address %j', (address) => {
    for (const option of ['jwks', 'revocations'] as const)
      expect(() => createVerifier({ jwks, [option]: address })).toThrow(
        coded('ERR_INVALID_OPTIONS', { option }) as Error,
      )
  })

  it.each([
    ['jwks', undefined],
    ['jwks', null],
    ['jwks', {}],
    ['jwks', { keys: [] }],
    ['jwks', { keys: [null, 1, 'x', {}] }],
    ['jwks', []],
    ['revocations', null],
    ['revocations', true],
    ['issuer', ''],
    ['issuer', 1],
    ['audience', ['a']],
    ['clientId', 'x'.repeat(256)],
    ['pollInterval', 0.5],
    ['pollInterval', 61],
    ['pollInterval', '5'],
    ['onStale', 'ignore'],
    ['timeout', 0],
    ['timeout', 31],
    ['cookie', ''],
    ['cacheBytes', -1],
    ['fetch', 'fetch'],
    ['now', 0],
    ['algorithms', ['EdDSA']],
  ])('refuse `%s: %j`', (option, value) => {
    expect(() => createVerifier({ jwks, [option]: value } as unknown as VerifierOptions)).toThrow(
      coded('ERR_INVALID_OPTIONS', { option }) as Error,
    )
  })

  it('never show an address that may contain a password', () => {
    const wrong = (): unknown => createVerifier({ jwks: 'https://user:hunter2@app.example.com/jwks' })
    expect(wrong).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }) as Error,
    )
  })
})
