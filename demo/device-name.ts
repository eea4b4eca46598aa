// Order matters: Edge and Opera also say Chrome, Chrome also says Safari.
const BROWSERS = [
  ['Edg', 'Edge'],
  ['OPR', 'Opera'],
  ['Firefox', 'Firefox'],
  ['FxiOS', 'Firefox'],
  ['CriOS', 'Chrome'],
  ['Chrome', 'Chrome'],
  ['Version', 'Safari'],
  ['curl', 'curl'],
] as const
const SYSTEMS = [
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Android', 'Android'],
  ['CrOS', 'ChromeOS'],
  ['Windows', 'Windows'],
  ['Mac OS X', 'macOS'],
  ['Linux', 'Linux'],
] as const

/** Such as `Firefox 142 on Linux`, by which people recognize their own devices. */
export function deviceName(userAgent: string | null): string {
  if (userAgent === null) return 'Unknown device'
  const system = SYSTEMS.find(([token]) => userAgent.includes(token))?.[1]
  for (const [token, name] of BROWSERS) {
    const version = new RegExp(`${token}\\w*/(\\d+)`).exec(userAgent)?.[1]
    if (version !== undefined) return `${name} ${version}${system === undefined ? '' : ` on ${system}`}`
  }
  return system ?? 'Unknown device'
}
