import type { ClientState } from './client-state.ts'
import type { SignInAnswer } from './response-body.ts'

/** A request that a proof is for. */
export interface ProofRequest {
  /** The method of the request. */
  readonly method: string
  /** The absolute URL of the request. Its query and fragment do not count. */
  readonly url: string
  /** The access token that the request carries. */
  readonly accessToken: string
}

/** The key of this device. `bindDevice` of `pawl/client/bind` makes it. */
export interface DeviceBinding {
  /**
   * Signs a proof for a route with `requireSession({ proof: true })` (RFC 9449). Only bearer mode has such routes, because no
   * script can read the access token of a cookie.
   * @returns the value of the header `DPoP`; null if the device has no key yet
   * @throws the error of the signer or of IndexedDB
   */
  proof(request: ProofRequest): Promise<string | null>
  /** @internal Adds the key to a client. Undefined on a server, where there is no key. */
  attach(client: ClientState): DeviceHooks | undefined
}

/** What the client calls. */
export interface DeviceHooks {
  /** Sends a request to one of Pawl's routes. A refresh gets a proof, if there are a key and a challenge. */
  send(url: string, init: RequestInit): Promise<Response>
  /** Registers the key, later, if the answer of a sign-in has a challenge. Never rejects. */
  bind(answer: SignInAnswer): Promise<unknown>
  /** Adds a proof to the headers of a request, if the application wants it. */
  prove(method: string, url: string, headers: Headers): Promise<void> | undefined
}
