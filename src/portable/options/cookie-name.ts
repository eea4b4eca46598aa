import type { OptionValue } from './option.ts'
import { text } from './values.ts'

/** The longest cookie name. With it, name and value stay within 4096 bytes (RFC 6265bis section 5.6). */
export const MAX_COOKIE_NAME = 64

/** A name that a cookie can have (RFC 6265 section 4.1.1). */
export function cookieName(): OptionValue {
  return text('a cookie name of at most 64 characters', /^[^\s;=]{1,64}$/)
}
