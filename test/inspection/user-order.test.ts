import { expect, it } from 'vitest'
import { beginsAtPrefix, isPast, userOrderOf } from '../../src/postgres/inspection/user-order.ts'

it.each([
  [{ datlocprovider: 'c', datcollate: 'C' }, 'bytes'],
  [{ datlocprovider: 'c', datcollate: 'C.UTF-8' }, 'bytes'],
  [{ datcollate: 'POSIX' }, 'bytes'],
  [{ datlocprovider: 'b', datcollate: 'C', datlocale: 'C.UTF-8' }, 'bytes'],
  [{ datlocprovider: 'c', datcollate: 'en_US.UTF-8' }, 'english'],
  [{ datlocprovider: 'c', datcollate: 'de_DE.utf8' }, 'english'],
  [{ datlocprovider: 'i', datcollate: 'C', daticulocale: 'en-US' }, 'english'],
  [{ datlocprovider: 'i', datcollate: 'C', datlocale: 'und' }, 'english'],
  [{ datlocprovider: 'i', datcollate: 'C', datlocale: 'en-US-u-kn-true' }, 'unknown'],
  [{ datlocprovider: 'c', datcollate: 'cs_CZ.UTF-8' }, 'unknown'],
  [{ datlocprovider: 'c', datcollate: 'English_United States.1252' }, 'unknown'],
  [{}, 'unknown'],
])('of %o is %s', (locale, order) => {
  expect(userOrderOf(locale)).toBe(order)
})

it.each([
  ['bytes', 'b', 'a', true],
  ['english', 'b', 'a', true],
  ['english', 'B', 'a', true],
  ['english', 'aB1', 'ab0', true],
  // Case, accents and punctuation come between users with the prefix.
  ['english', 'A', 'a', false],
  ['english', 'ábc', 'a', false],
  ['english', 'a_c', 'a-b', false],
  ['english', 'ac', 'a-b', false],
  ['english', 'a-c', 'a-b', true],
  ['english', '550e8400-f', '550e8400-e', true],
  ['english', '550e84', '550e8400', false],
  ['english', 'öl', 'ö', false],
  ['unknown', 'z', 'a', false],
] as const)('in the order %s, %s is past the prefix %s: %s', (order, userId, prefix, expected) => {
  expect(isPast(order, userId, prefix)).toBe(expected)
})

it('trusts the begin of a prefix that is ASCII or sorted by bytes', () => {
  expect(beginsAtPrefix('bytes', 'เ')).toBe(true)
  expect(beginsAtPrefix('english', 'user-1')).toBe(true)
  expect(beginsAtPrefix('unknown', 'เ')).toBe(false)
})
