import type { CookieOptions } from '../src/adapters/express/index.ts'

/** Cookies do not know ports: with the default names, another application on localhost would get these cookies too. */
export const COOKIES: CookieOptions = {
  access: '__Host-pawl-demo-access',
  refresh: '__Secure-pawl-demo-refresh',
}
