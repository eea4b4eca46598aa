/**
 * The order of the index on user ids. `bytes`: users with a common prefix are neighbors. `english`: a language that sorts
 * ASCII as English does, where texts that differ in case or punctuation come between them. `unknown`: any other language.
 */
export type UserOrder = 'bytes' | 'english' | 'unknown'

/** Without extensions, such as `-u-kn-true`, which sorts 10 after 2. */
const LIKE_ENGLISH = /^(?:de|en|fr|it|nl|pt|und)?(?:[-_][A-Z]{2})?(?:\.[\w-]+)?$/i
const BYTES = /^(?:C|POSIX)(?:\.[\w-]+)?$/i

/** The part of `pg_database` that says how texts are sorted. PostgreSQL 15 and 17 have added columns. */
export interface DatabaseLocale {
  readonly datcollate?: string | null
  /** `c`: the C library, `i`: ICU, `b`: PostgreSQL itself, by code points. */
  readonly datlocprovider?: string | null
  readonly datlocale?: string | null
  readonly daticulocale?: string | null
}

export function userOrderOf({
  datcollate,
  datlocprovider,
  datlocale,
  daticulocale,
}: DatabaseLocale): UserOrder {
  if (datlocprovider === 'b') return 'bytes'
  const locale = (datlocprovider === 'i' ? (datlocale ?? daticulocale) : datcollate) ?? null
  if (locale === null) return 'unknown'
  if (datlocprovider !== 'i' && BYTES.test(locale)) return 'bytes'
  return LIKE_ENGLISH.test(locale) ? 'english' : 'unknown'
}

/** Whether no user with the prefix follows `userId`, which comes after the prefix and does not have it. */
export function isPast(order: UserOrder, userId: string, prefix: string): boolean {
  if (order === 'unknown') return false
  if (order === 'bytes') return true
  // Some versions of the C library ignore punctuation, so it must be true with and without it.
  const plain = (text: string): string => text.toLowerCase()
  const bare = (text: string): string => plain(text).replace(/[^a-z0-9]/g, '')
  return isAscii(prefix) && isGreater(plain(userId), plain(prefix)) && isGreater(bare(userId), bare(prefix))
}

/** Whether the order puts no user with the prefix before the prefix itself, as that of Thai does. */
export function beginsAtPrefix(order: UserOrder, prefix: string): boolean {
  return order === 'bytes' || isAscii(prefix)
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

/** Whether the first character that differs is a later letter or digit. */
function isGreater(text: string, prefix: string): boolean {
  const at = [...prefix].findIndex((character, index) => text[index] !== character)
  const [one, other] = [text[at] ?? '', prefix[at] ?? '']
  return at >= 0 && /[a-z0-9]/.test(one) && /[a-z0-9]/.test(other) && one > other
}
