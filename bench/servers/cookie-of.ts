/** The Cookie header a browser would send to `/` after these Set-Cookie headers. */
export function cookieOf(setCookies: readonly string[]): string {
  return setCookies
    .filter((line) => !/; *path=\/[^;]/i.test(line))
    .map((line) => line.split(';', 1)[0]!)
    .join('; ')
}
