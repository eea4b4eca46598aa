import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { safePath } from '../../src/http/resume.ts'
import { cookieValues } from '../../src/wire/credentials.ts'

const CASES = { numRuns: 1000 }
const NAMES = ['__Host-pawl-access', '__Secure-pawl-refresh', 'pawl-access', 'a', '__Host-pawl-acces']

describe('a Cookie header', () => {
  const cookie = fc.tuple(
    fc.oneof(fc.constantFrom(...NAMES), fc.stringMatching(/^[\w!#$%&'*+.^`|~-]{1,20}$/)),
    fc.stringMatching(/^[\w!#$%&'()*+./:<=>?@[\]^`{|}~-]{0,40}$/),
  )

  it('gives all values of a name, in order, and none of any other', () => {
    fc.assert(
      fc.property(fc.array(cookie), fc.constantFrom(...NAMES), (cookies, name) => {
        const header = cookies.map(([key, value]) => `${key}=${value}`).join('; ')
        const expected = cookies.flatMap(([key, value]) => (key === name ? [value] : []))
        expect(cookieValues(header, name)).toStrictEqual(expected)
      }),
      CASES,
    )
  })

  it('of whatever text gives the same values as one that is taken apart', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...NAMES,
        ...NAMES.map((name) => `${name}=`),
        '=',
        ';',
        '; ',
        ' ',
        '\t',
        '"',
        '==',
        ';;',
      ),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        fc.constantFrom(...NAMES),
        (header, name) => {
          const expected = header.split(';').flatMap((part) => {
            const [, key, value] = /^[ \t]*([^=]*?)[ \t]*=(.*)$/s.exec(part) ?? []
            return key === name ? [value!.trim()] : []
          })
          expect(cookieValues(header, name)).toStrictEqual(expected)
        },
      ),
      CASES,
    )
  })
})

describe('where a page load is sent back to', () => {
  const SITE = 'https://site.example'
  /** What browsers, proxies and URL parsers disagree about. */
  const TRICKS = [
    ...[
      '/',
      '//',
      '\\',
      '/\\',
      '%2f',
      '%2F',
      '%5c',
      '%5C',
      '%252f',
      '.',
      '..',
      '/../',
      '/./',
      '%2e',
      '%2E%2e',
    ],
    ...[
      '\t',
      '\n',
      '\r',
      '\0',
      '%09',
      '%0a',
      '%00',
      ' ',
      '%20',
      '+',
      '@',
      ':',
      '?',
      '#',
      '%3f',
      '%23',
      ';',
      '&',
    ],
    ...[
      'evil.example',
      'http:',
      'javascript:',
      '[::1]',
      '%',
      '%e2%80',
      'é',
      '。',
      '／',
      '＼',
      '\u202e',
      '\ufeff',
    ],
  ]
  const target = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((text) => `/${text}`),
    fc.webUrl({ withQueryParameters: true }),
    fc.array(fc.constantFrom(...TRICKS), { maxLength: 8 }).map((parts) => parts.join('')),
    fc.array(fc.constantFrom(...TRICKS), { maxLength: 8 }).map((parts) => `/${parts.join('')}`),
  )

  it('is always on the same site, even where something decodes it once more', () => {
    fc.assert(
      fc.property(target, (text) => {
        const path = safePath(text)
        if (path === null) return
        expect(new URL(path, SITE).origin).toBe(SITE)
        for (const once of [decoded(path), decoded(path.replaceAll('+', ' '))]) {
          expect(new URL(once, SITE).origin).toBe(SITE)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('is normal: what came out once comes out again', () => {
    fc.assert(
      fc.property(target, (text) => {
        const path = safePath(text)
        if (path !== null) expect(safePath(path)).toBe(path)
      }),
      { numRuns: 5000 },
    )
  })

  it('is the page itself, for every ordinary path and query', () => {
    const segment = fc.stringMatching(/^[\w~-][\w.~-]{0,10}$/)
    fc.assert(
      fc.property(fc.array(segment), fc.dictionary(segment, segment), (segments, query) => {
        const search = new URLSearchParams(query).toString()
        const page = `/${segments.join('/')}${search === '' ? '' : `?${search}`}`
        expect(safePath(page)).toBe(page)
      }),
      CASES,
    )
  })
})

/** Decoded once. The path always can be; a query with half an escape in it stays as it is. */
function decoded(target: string): string {
  const [path, ...query] = target.split('?')
  const search = query.length === 0 ? '' : `?${query.join('?')}`
  try {
    return decodeURIComponent(target)
  } catch {
    return decodeURIComponent(path!) + search
  }
}
