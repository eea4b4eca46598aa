import { createContext } from 'node:vm'
import type * as ReactNativeSdk from 'supertokens-react-native'
import { nativeGlobals } from '../../client/support/native-globals.ts'
import type { TransferMode } from './client.ts'
import type { Driven } from './drive.ts'
import { newDisk, sdkScript, storageOf } from './native.ts'
import { browserFetch } from './pawl-client.ts'

/** Runs of an app with `supertokens-react-native`, one after the other. */
export async function nativeApps(mode: TransferMode): Promise<(isFresh: boolean, url: string) => Driven> {
  const script = await sdkScript()
  let disk = newDisk()

  return (isFresh, api) => {
    if (isFresh) disk = newDisk()
    const { jar, items } = disk
    let isAlive = true
    const whileAlive = async <T>(value: Promise<T>): Promise<T> => {
      const settled = await value.catch((error: unknown) => (isAlive ? Promise.reject(error) : never))
      return isAlive ? settled : never
    }
    const network: typeof fetch = (input, init) => whileAlive(browserFetch(jar, api)(input, init))
    const globals = createContext({
      ...nativeGlobals(network),
      URL,
      process: { env: {} },
      setImmediate,
      AsyncStorage: storageOf(disk, whileAlive),
    })
    script.runInContext(globals)
    const sdk = globals['sdk'] as typeof ReactNativeSdk.default
    sdk.init({ apiDomain: api, apiBasePath: '/auth', tokenTransferMethod: mode })
    const send = globals['fetch'] as typeof fetch
    return {
      async signIn(url, user) {
        await send(url, { method: 'POST', body: JSON.stringify({ user }) })
      },
      signOut: () => sdk.signOut(),
      fetch: send,
      signedIn: () => sdk.doesSessionExist(),
      stored: () => (mode === 'header' ? items.has('st-storage-item-st-refresh-token') : null),
      kill() {
        isAlive = false
      },
    }
  }
}

/** What an ended app waits for never comes. */
const never = new Promise<never>(() => {})
