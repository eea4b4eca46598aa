import { expect, it } from 'vitest'
import { createTokenCache } from '../../src/portable/token-cache.ts'

const tokenOf = (payload: string, signature: string): string =>
  `header.${payload}.${signature.padStart(43, 'x')}`

it('returns the value of a token, and none for a token with another payload or signature', () => {
  const cache = createTokenCache<number>(100_000)
  const token = tokenOf('payload', 'abcdefghij')
  cache.set(token, 1)
  expect(cache.get(`${token}`)).toBe(1)
  expect(cache.get(tokenOf('another', 'abcdefghij'))).toBeUndefined()
  expect(cache.get(tokenOf('payload', 'Zbcdefghij'))).toBeUndefined()
})

it('counts a token once, however often it is set', () => {
  const cache = createTokenCache<number>(10_000)
  const kept = tokenOf('kept', '0123456789')
  const [one, two] = [tokenOf('one', 'abcdefghij'), tokenOf('two', 'abcdefghij')]
  cache.set(kept, 0)
  for (let time = 0; time < 100; time++) {
    cache.set(one, 1)
    cache.set(two, 2)
  }
  expect([cache.get(one), cache.get(two), cache.get(kept)]).toStrictEqual([1, 2, 0])
})

it.each(['', '.', 'a', '..', 'a.b.c', 'é.漢.😀'])('has no entry for %j', (text) => {
  const cache = createTokenCache<number>(10_000)
  cache.set(tokenOf('payload', 'abcdefghij'), 1)
  expect(cache.get(text)).toBeUndefined()
})
