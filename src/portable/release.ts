/** The release of this package, as in package.json. Connections have it in their name, so that an operator sees the fleet. */
export const RELEASE = '0.1.0'

/** The later of two releases (Semantic Versioning 2.0.0 section 11, without the order of pre-releases). */
export function newerRelease(one: string, other: string | null): string {
  const numbers = (release: string): number[] => release.split(/[.+-]/, 3).map(Number)
  const [a, b] = [numbers(one), numbers(other ?? '0.0.0')]
  const at = a.findIndex((number, index) => number !== b[index])
  return at >= 0 && (b[at] ?? 0) > a[at]! ? other! : one
}
