import { createContext, Script } from 'node:vm'
import { build } from 'esbuild'
import type * as WebsiteSdk from 'supertokens-website'
import { type CookieJar, createJar } from '../../support/http-jar.ts'
import type { TransferMode } from './client.ts'
import type { Driven } from './drive.ts'
import { browserFetch } from './pawl-client.ts'

/** What survives a page: the cookies of the API, those that the page's script sets, and its storage. */
interface Profile {
  readonly jar: CookieJar
  readonly cookies: Map<string, string>
  readonly storage: Map<string, string>
}

const newProfile = (): Profile => ({ jar: createJar(), cookies: new Map(), storage: new Map() })

let script: Promise<Script> | undefined

/** Bundles the package from npm. */
function websiteSdk(): Promise<Script> {
  script ??= build({
    stdin: {
      contents: "import * as sdk from 'supertokens-website'; globalThis.sdk = sdk",
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    format: 'iife',
    write: false,
    logLevel: 'silent',
  }).then(({ outputFiles }) => new Script(outputFiles[0]!.text))
  return script
}

/** Pages with `supertokens-website`, one after the other. */
export async function websitePages(mode: TransferMode): Promise<(isFresh: boolean, url: string) => Driven> {
  const sdk = await websiteSdk()
  let profile = newProfile()
  return (isFresh, url) => {
    if (isFresh) profile = newProfile()
    return openPage(sdk, url, mode, profile)
  }
}

/** A page with `supertokens-website` in this process: without a browser, so that the kit can play many scenarios fast. */
function openPage(sdkOfPage: Script, api: string, mode: TransferMode, profile: Profile): Driven {
  let isOpen = true
  const whileOpen = async <T>(value: Promise<T>): Promise<T> => {
    const settled = await value.catch((error: unknown) => (isOpen ? Promise.reject(error) : never))
    return isOpen ? settled : never
  }
  const globals = createContext(pageGlobals(api, profile, () => isOpen, whileOpen))
  sdkOfPage.runInContext(globals)
  const sdk = globals['sdk'] as typeof WebsiteSdk
  sdk.init({ apiDomain: api, apiBasePath: '/auth', tokenTransferMethod: mode })
  const send = globals['fetch'] as typeof fetch
  return {
    async signIn(url, user) {
      await send(url, { method: 'POST', body: JSON.stringify({ user }) })
    },
    signOut: () => sdk.signOut(),
    fetch: send,
    signedIn: () => sdk.doesSessionExist(),
    kill() {
      isOpen = false
    },
    stored: () => (mode === 'header' ? profile.cookies.has('st-refresh-token') : null),
  }
}

/** What a closed page waits for never comes. */
const never = new Promise<never>(() => {})

function pageGlobals(
  api: string,
  { jar, cookies, storage }: Profile,
  isOpen: () => boolean,
  whileOpen: <T>(value: Promise<T>) => Promise<T>,
): Record<string, unknown> {
  const location = new URL('http://127.0.0.1/')
  const events = new EventTarget()
  const globals: Record<string, unknown> = {
    document: {
      get cookie() {
        return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      },
      set cookie(text: string) {
        const [pair = '', ...attributes] = text.split(';')
        const at = pair.indexOf('=')
        const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
        const expires = attributes.find((attribute) => /^\s*expires=/i.test(attribute))?.split('=')[1]
        if (value === '' || (expires !== undefined && Date.parse(expires) <= Date.now())) cookies.delete(name)
        else cookies.set(name, value)
      },
    },
    location,
    localStorage: storageOf(storage),
    sessionStorage: storageOf(new Map()),
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
    dispatchEvent: events.dispatchEvent.bind(events),
    CustomEvent,
    navigator: {},
    XMLHttpRequest: class {},
    fetch: ((input, init) => whileOpen(browserFetch(jar, api)(input, init))) satisfies typeof fetch,
    Headers,
    Request,
    Response,
    URL,
    URLSearchParams,
    setTimeout: (run: () => void, ms?: number) => setTimeout(() => isOpen() && run(), ms),
    clearTimeout,
    setInterval: (run: () => void, ms?: number) => setInterval(() => isOpen() && run(), ms).unref(),
    clearInterval,
    console: { ...console, warn() {}, error() {}, log() {} },
    atob,
    btoa,
    escape,
    decodeURIComponent,
  }
  globals['window'] = globals['self'] = globals
  return globals
}

function storageOf(items: Map<string, string>): object {
  return {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, value: string) => void items.set(name, value),
    removeItem: (name: string) => void items.delete(name),
    clear: () => items.clear(),
    key: (index: number) => [...items.keys()][index] ?? null,
    get length() {
      return items.size
    },
  }
}
