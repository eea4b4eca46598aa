import { type CookieWriter, cookieWriter } from '../http/cookies.ts'
import type { ResolvedHttpOptions } from '../http/options/resolve.ts'
import { ACCESS_COOKIE, ACCESS_HEADER, LEGACY_COOKIE, REFRESH_COOKIE, REFRESH_HEADER } from './names.ts'

/** Milliseconds. The access cookie outlives its token, because its presence tells that a refresh may help. */
const YEAR = 365 * 86_400_000

/** How the tokens of a session travel. */
export type Mode = 'cookie' | 'header'

/** The writers of one kind of connection. */
export interface Writers extends Readonly<Record<Mode, CookieWriter>> {
  /** Removes both cookies. */
  clearCookies(): string[]
  /** Removes the cookie of an old backend, whatever its domain. */
  clearLegacy(host: string | undefined): string[]
}

/**
 * @param secure whether cookies carry `Secure`: not on plain localhost
 * @param hasCookies whether clients may keep their tokens in cookies
 */
export function createWriters(
  options: Omit<ResolvedHttpOptions, 'protocol'>,
  base: string,
  secure: boolean,
  hasCookies: boolean,
): Writers {
  const paths = { path: base === '' ? '/' : base, refreshPath: `${base}/session/refresh` }
  // No request has a device cookie: the clients bind no session.
  const set = { access: ACCESS_COOKIE, refresh: REFRESH_COOKIE, device: 'sDeviceToken', secure }
  const cookies = cookieWriter({ ...options, protocol: null, ...paths }, set)
  const legacy = cookieWriter(
    { ...options, protocol: null, path: '/', refreshPath: '/' },
    { ...set, refresh: LEGACY_COOKIE },
  )
  const clearCookies = (): string[] => (hasCookies ? cookies.clear() : [])
  // Tokens travel by one method only, so an end clears both.
  const clear = (): string[] => [...clearCookies(), headerToken('access', ''), headerToken('refresh', '')]

  return {
    cookie: {
      ...cookies,
      access: (value, life) =>
        cookies.access(
          value,
          life.expiresAt === null ? life : { ...life, expiresAt: new Date(life.now + YEAR) },
        ),
      clear,
    },
    header: {
      ...cookies,
      access: (value) => headerToken('access', value),
      refresh: (value) => headerToken('refresh', value),
      clear,
    },
    clearCookies,
    clearLegacy: (host) => [...legacy.clear().slice(1), ...legacy.clearStrayRefresh(host)],
  }
}

/** A token for a header of the response, in the form of a cookie: Pawl sets cookies alone. */
function headerToken(which: 'access' | 'refresh', value: string): string {
  return `${which === 'access' ? ACCESS_HEADER : REFRESH_HEADER}=${value}`
}
