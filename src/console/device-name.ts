import Bowser from 'bowser'

/** How a user agent reads for people. */
export interface DeviceName {
  readonly kind: 'desktop' | 'phone' | 'tablet' | 'app' | 'program' | 'unknown'
  /** `Firefox 133 on Linux`, `MyApp 3.1 on iOS`; the beginning of an agent that nobody knows. */
  readonly name: string
}

/** Longer ones are cut. */
const MAX_NAME = 80
/** The libraries with which apps send requests: the app's own name comes before them, if any. */
const APP_LIBRARIES = /\b(?:CFNetwork|Darwin|Alamofire|okhttp|Dalvik|Expo|ReactNative|Dart|Flutter)\b/i
const PRODUCT = /^([\w.+ -]{1,40}?)\/(\d[\w.]{0,15})/

const PLATFORMS: Readonly<Record<string, DeviceName['kind']>> = {
  desktop: 'desktop',
  mobile: 'phone',
  tablet: 'tablet',
  bot: 'program',
}

export function deviceName(userAgent: string | null): DeviceName {
  if (userAgent === null || userAgent.trim() === '') return { kind: 'unknown', name: 'Unknown device' }
  // Every browser begins like this.
  return userAgent.startsWith('Mozilla/') ? browserName(userAgent) : programName(userAgent)
}

function browserName(userAgent: string): DeviceName {
  const { browser, os, platform } = Bowser.parse(userAgent)
  const model = platform.vendor === 'Apple' && os.name === 'iOS' ? platform.model : undefined
  const system = model ?? systemName(os.name, os.versionName)
  if (!browser.name) return unknown(userAgent)
  const named = [browser.name.replace(/^Microsoft | for Android$/g, ''), major(browser.version)]
    .filter(Boolean)
    .join(' ')
  return {
    kind: PLATFORMS[platform.type ?? ''] ?? 'unknown',
    name: cut(system ? `${named} on ${system}` : named),
  }
}

function programName(userAgent: string): DeviceName {
  const [, product, version] = PRODUCT.exec(userAgent) ?? []
  if (product === undefined || version === undefined) return unknown(userAgent)
  const named = `${product.trim()} ${version}`
  const system = /\b(?:iOS|iPhone|iPad|CFNetwork|Darwin)\b/.test(userAgent)
    ? 'iOS or macOS'
    : /\bAndroid\b/.test(userAgent)
      ? 'Android'
      : null
  const isApp = system !== null || APP_LIBRARIES.test(userAgent)
  return { kind: isApp ? 'app' : 'program', name: cut(system === null ? named : `${named} on ${system}`) }
}

/** Browsers do not tell the version of macOS and Windows any more, and report the same one for ever. */
function systemName(name: string | undefined, versionName: string | undefined): string | undefined {
  return name === 'Windows' && versionName === '7' ? 'Windows 7' : name
}

const major = (version: string | undefined): string => version?.split('.')[0] ?? ''
const unknown = (userAgent: string): DeviceName => ({ kind: 'unknown', name: cut(userAgent) })
const cut = (text: string): string => (text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text)
