import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause, setImmediate as turnOfLoop } from 'node:timers/promises'
import { createContext, Script } from 'node:vm'
import axios from 'axios'
import { build, type Plugin } from 'esbuild'
import type * as ReactNativeSdk from 'supertokens-react-native'
import { defer } from '../../browser/support/defer.ts'
import { identity } from '../../browser/support/identity.ts'
import { nativeGlobals } from '../../client/support/native-globals.ts'
import { type CookieJar, createJar } from '../../support/http-jar.ts'
import { type Client, failed, type Got, type SeenEvent, type TransferMode } from './client.ts'
import type { ClientSite } from './site.ts'

/** The storage of an app, which its next start finds again. */
export interface Disk {
  readonly items: Map<string, string>
  /** The cookies of the platform's HTTP stack. */
  readonly jar: CookieJar
}

export const newDisk = (): Disk => ({ items: new Map(), jar: createJar() })

/** The disk of a thief. */
export const copyDisk = ({ items, jar }: Disk): Disk => ({ items: new Map(items), jar: jar.copy() })

/** A running app with `supertokens-react-native`. */
export interface NativeApp extends Client {
  readonly disk: Disk
}

export interface AppOptions {
  /** As an app has it that sets no option: header. */
  readonly mode?: TransferMode
  readonly disk?: Disk
  /** How long a call of the storage takes, in ms. By default one turn of the event loop. */
  readonly storageDelay?: () => number
}

export async function openApp(site: Pick<ClientSite, 'api'>, given: AppOptions = {}): Promise<NativeApp> {
  const { mode = 'header', disk = newDisk(), storageDelay } = given
  const ended = defer()
  let isAlive = true
  const gone = ended.promise.then(() => Promise.reject(new Error('The app has ended.')))
  gone.catch(() => {})
  const orGone = <T>(value: Promise<T>): Promise<T> => Promise.race([value, gone])
  /** What an ended process waits for never comes. */
  const whileAlive = async <T>(value: Promise<T>): Promise<T> => {
    const settled = await value.catch((error: unknown) => (isAlive ? Promise.reject(error) : never))
    return isAlive ? settled : never
  }
  const network: typeof fetch = (input, init) => whileAlive(send(disk.jar, input, init))

  const globals = createContext({
    ...nativeGlobals(network),
    URL,
    process: { env: {} },
    setImmediate,
    AsyncStorage: storageOf(disk, whileAlive, storageDelay),
  })
  // A context has a clock of its own.
  new Script('now = Date.now, shift = 0, Date.now = () => now() + shift * 1000').runInContext(globals)
  ;(await sdkScript()).runInContext(globals)
  const sdk = globals['sdk'] as typeof ReactNativeSdk.default
  const seen: SeenEvent[] = []
  sdk.init({
    apiDomain: site.api,
    apiBasePath: '/auth',
    tokenTransferMethod: mode,
    onHandleEvent: ({ ...event }) => seen.push(event),
  })
  const http = axios.create({
    baseURL: site.api,
    adapter: 'fetch',
    // Of Node.js, because axios needs more of a Request than React Native has.
    env: { fetch: network, Request, Response: Response as never },
  })
  sdk.addAxiosInterceptors(http)

  const ask: Client['ask'] = async (
    path = '/me',
    { method = 'GET', body, ...init } = {},
    sender = 'fetch',
  ) => {
    const headers = { ...(body && { 'content-type': 'application/json' }), ...init.headers }
    try {
      if (sender === 'axios') {
        const content = body && { data: body }
        const { status, data } = await orGone(http.request({ url: path, method, headers, ...content }))
        return { ...data, status }
      }
      const patched = globals['fetch'] as typeof fetch
      const content = body && { body: JSON.stringify(body) }
      const response = await orGone(patched(site.api + path, { method, headers, ...content }))
      return got(response.status, await response.text())
    } catch (error) {
      return failed(error)
    }
  }
  const events: Client['events'] = async () => seen.splice(0)
  return {
    disk,
    async end() {
      isAlive = false
      ended.resolve()
    },
    ask,
    exists: () => orGone(sdk.doesSessionExist()),
    userId: () => orGone(sdk.getUserId()),
    payload: () => orGone(sdk.getAccessTokenPayloadSecurely()),
    accessToken: () => orGone(sdk.getAccessToken()),
    refresh: () =>
      orGone(sdk.attemptRefreshingSession()).catch(
        (error) => `${typeof error.status === 'number' ? error.status : error}`,
      ),
    signOut: () => orGone(sdk.signOut()),
    async shift(seconds) {
      globals['shift'] += seconds
    },
    login: (user = 'anna') => ask('/login', { method: 'POST', body: { user } }),
    events,
    actions: async () => (await events()).map(({ action }) => action),
  }
}

const never = new Promise<never>(() => {})

/** The stand-in for AsyncStorage, whose calls take a while, as those of the real one do. */
export function storageOf(
  { items }: Disk,
  whileAlive: <T>(value: Promise<T>) => Promise<T>,
  delay?: () => number,
): object {
  const turn = (): Promise<void> => whileAlive(delay === undefined ? turnOfLoop() : pause(delay()))
  return {
    async getItem(name: string) {
      await turn()
      return items.get(name) ?? null
    },
    async setItem(name: string, value: string) {
      await turn()
      items.set(name, value)
    },
    async removeItem(name: string) {
      await turn()
      items.delete(name)
    },
  }
}

/** The HTTP stack of a phone: it has cookies, and sends no `Origin`. */
async function send(jar: CookieJar, input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const sent = new Request(input, init)
  const { hostname, host, port, pathname, search } = new URL(sent.url)
  const headers = new Headers(sent.headers)
  const cookie = jar.header(pathname)
  if (cookie !== undefined && sent.credentials === 'include') headers.set('cookie', cookie)
  const asked = request({
    host: '127.0.0.1',
    port,
    servername: hostname,
    // The certificate names the site, not the host.
    ca: identity.cert,
    checkServerIdentity: () => undefined,
    method: sent.method,
    path: pathname + search,
    headers: { ...Object.fromEntries(headers), host },
    agent: false,
  }).end(await sent.text())
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  const content = await buffer(answer)
  const pairs = answer.rawHeaders.flatMap((name, index, all) =>
    index % 2 === 0 ? [[name, all[index + 1]!] as [string, string]] : [],
  )
  const response = new Response(content.length === 0 ? null : content, {
    status: answer.statusCode!,
    headers: pairs,
  })
  jar.store(response.headers.getSetCookie())
  return response
}

function got(status: number, text: string): Got {
  return { ...(text.startsWith('{') && JSON.parse(text)), status }
}

/** Takes the place of `@react-native-async-storage/async-storage`: the app that runs the bundle gives the storage. */
const asyncStorage: Plugin = {
  name: 'async-storage',
  setup({ onResolve, onLoad }) {
    const namespace = 'stand-in'
    onResolve({ filter: /\/async-storage$/ }, ({ path }) => ({ path, namespace }))
    onLoad({ filter: /.*/, namespace }, () => ({ contents: 'module.exports = globalThis.AsyncStorage' }))
  },
}

let script: Promise<Script> | undefined

/**
 * Bundles the package from npm, as Metro does. It imports nothing of `react-native`, so `package.json` keeps npm from installing
 * that peer.
 */
export function sdkScript(): Promise<Script> {
  script ??= build({
    stdin: {
      contents: "import sdk from 'supertokens-react-native'; globalThis.sdk = sdk",
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    format: 'iife',
    target: 'es2022',
    define: { global: 'globalThis' },
    plugins: [asyncStorage],
    write: false,
    logLevel: 'silent',
  }).then(({ outputFiles }) => new Script(outputFiles[0]!.text))
  return script
}
