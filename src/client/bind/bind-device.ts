import { NONCE_HEADER, PROOF_HEADER } from '../../wire/names.ts'
import type { ClientState } from '../client-state.ts'
import type { DeviceBinding, DeviceHooks, ProofRequest } from '../device.ts'
import { within } from '../within.ts'
import type { DeviceSigner } from './device-signer.ts'
import { type DeviceStorage, indexedDatabase } from './device-storage.ts'
import { makeKey, signerOf, signProof } from './proof.ts'
import { register } from './register.ts'

/** The options of {@link bindDevice}. All are optional. */
export interface BindDeviceOptions {
  /**
   * The key of a native app, which keeps it in the keystore of the device.
   * @defaultValue a key in IndexedDB, which no script can read and all tabs of the origin share
   */
  readonly signer?: DeviceSigner
  /**
   * Whether every request of `client.fetch` and `attachFetch` carries a proof, for routes with
   * `requireSession({ proof: true })`. It applies in bearer mode only. Each proof costs one signature.
   * @defaultValue false
   */
  readonly proveRequests?: boolean
}

/** A challenge that waits until the key is registered. */
interface Pending {
  readonly challenge: string
  /** When it expires, as `Date.now()`. */
  readonly until: number
}

/** Wait before the registration, in ms: a browser with DBSC registers by itself, within 30 ms. */
const DELAY = 1000
/** How long something that may need no key waits for the storage, in ms. */
const PATIENCE = 1000
/** How long the server accepts the challenge of a login, in ms. */
const CHALLENGE_LIFETIME = 300_000

/**
 * Makes the key of this device, for the option `device` of a client, which binds its sessions to the key. Nobody can refresh
 * a bound session with copied cookies or tokens alone. The server needs the option `deviceBinding`. The client makes the
 * key after the first sign-in. If the browser cannot keep it, sessions stay unbound.
 *
 * @example
 * import { createSessionClient } from 'pawl/client'
 * import { bindDevice } from 'pawl/client/bind'
 *
 * export const client = createSessionClient({ device: bindDevice() })
 */
export function bindDevice(options: BindDeviceOptions = {}): DeviceBinding {
  return bindWith(options, indexedDatabase)
}

/** Implements {@link bindDevice}. @param storage is not used if there is a signer */
export function bindWith(
  { signer: given, proveRequests }: BindDeviceOptions,
  storage: DeviceStorage,
): DeviceBinding {
  /** The key as last read. It serves while the storage fails. */
  let last: DeviceSigner | undefined

  /** The key, if there is one. @param makes whether to make it @throws the error of the storage */
  async function findSigner(makes?: boolean): Promise<DeviceSigner | undefined> {
    if (given) return given
    let failure: unknown
    try {
      if (makes && !(await storage.get('key')))
        // Fails, too, if another tab has made the key meanwhile.
        await storage.add('key', await makeKey()).catch((error) => {
          failure = error
        })
      const key = (await storage.get('key')) as CryptoKeyPair | undefined
      last = key && signerOf(key)
    } catch (error) {
      failure = error
    }
    if (!last && failure) throw failure
    return last
  }

  async function proof(request: ProofRequest): Promise<string | null> {
    const signer = await within(() => findSigner())
    return signer ? within(() => signProof(signer, request)) : null
  }

  function attach(client: ClientState): DeviceHooks | undefined {
    if (!given && !globalThis.location) return undefined
    const nonceName = `nonce ${client.route('')}`
    const pendingName = `pending ${client.route('')}`
    let nonce: unknown
    let pending: Pending | undefined
    /** Whether the last refresh was refused for want of a proof. */
    let isProofDue = false

    // An app with a signer of its own keeps the two in memory.
    const save = async (name: string, value: unknown): Promise<unknown> =>
      given || within(() => storage.set(name, value), PATIENCE).catch(() => {})
    const loadPending = async (): Promise<Pending | undefined> => {
      if (!given) pending = (await within(() => storage.get(pendingName), PATIENCE)) as Pending | undefined
      return pending && pending.until > Date.now() ? pending : undefined
    }

    /** The proof of a refresh, if there are a key and a challenge. */
    async function proofOfRefresh(url: string, isDue: boolean): Promise<string | undefined> {
      // Another tab may have a newer challenge.
      if (!isDue && !given) nonce = await storage.get(nonceName).catch(() => nonce)
      const latest = nonce as string | undefined
      const signer = await findSigner()
      return signer && latest ? signProof(signer, { method: 'POST', url, nonce: latest }) : undefined
    }

    async function send(url: string, init: RequestInit): Promise<Response> {
      let proof: string | undefined
      if (url === client.route('refresh')) {
        const isDue = isProofDue
        isProofDue = false
        try {
          proof = await within(() => proofOfRefresh(url, isDue), isDue ? undefined : PATIENCE)
        } catch (cause) {
          // An unbound session needs no proof. A bound one must not end because its key cannot be read now.
          if (isDue) {
            client.report('storage-failed', cause)
            throw cause
          }
        }
      }
      const response = await client.send(
        url,
        proof ? { ...init, headers: { ...init.headers, [PROOF_HEADER]: proof } } : init,
      )
      const next = response.headers.get(NONCE_HEADER)
      if (next) {
        nonce = next
        isProofDue = response.status === 401
        void save(nonceName, next)
      }
      return response
    }

    /** Registers the key, and tries again while the server gives no answer. */
    function registerAfter(delay: number): void {
      setTimeout(async () => {
        try {
          if (!(await loadPending())) return
          const signer = (await within(() => findSigner(true)))!
          await client.runAlone(async () => {
            // Another tab may have registered the key, or somebody has signed in.
            const current = await loadPending()
            if (current && !(await register(client, signer, current.challenge))) return
            pending = undefined
            await save(pendingName, undefined)
          })
        } catch (cause) {
          if (delay === DELAY) client.report('storage-failed', cause)
        }
        if (pending && delay < CHALLENGE_LIFETIME) registerAfter(2 * delay)
      }, delay)
    }

    // The page may have been left after the sign-in.
    if (!given)
      void loadPending().then(
        (found) => found && registerAfter(DELAY),
        () => {},
      )

    return {
      send,
      async bind({ deviceChallenge: challenge }) {
        isProofDue = false
        if (!challenge) return
        nonce = undefined
        pending = { challenge, until: Date.now() + CHALLENGE_LIFETIME }
        registerAfter(DELAY)
        await Promise.all([save(pendingName, pending), save(nonceName, undefined)])
      },
      async prove(method, url, headers) {
        const accessToken = client.tokens?.accessToken
        if (!proveRequests || !accessToken) return
        const value = await proof({ method, url, accessToken }).catch(() => null)
        if (value) headers.set(PROOF_HEADER, value)
      },
    }
  }

  return { attach, proof }
}
