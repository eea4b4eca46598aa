/** How a client carries its tokens: Pawl's bearer mode, Pawl's cookie mode, or the protocol of SuperTokens' clients. */
export type Protocol = 'bearer' | 'cookie' | 'fdi'

export const PROTOCOLS: readonly Protocol[] = ['bearer', 'cookie', 'fdi']

/** The body that `POST /notes` takes. It refuses any other. */
export const NOTE = 'a note'

/** So many requests at the same moment: as many connections as a browser opens to a host. */
export const BURST = 6

/** A request that the client is asked for. */
export interface Wanted {
  readonly method: 'GET' | 'POST'
  /** Below the URL of the kit, or of the other origin. */
  readonly path: string
  readonly origin?: 'other'
  readonly body?: string
}

/** What has to be true when the client has done an act. Whatever is left out does not matter. */
export interface Expectation {
  /** The status that the application gets for each request. */
  readonly answers?: readonly number[]
  /** How many refreshes the server sees: at least and at most. */
  readonly refreshes?: readonly [number, number]
  /** The client waits between two refreshes as `Retry-After` says. */
  readonly patient?: true
  /** How often the application's handlers run. */
  readonly handled?: number
  /** Whether somebody is signed in, by the client's own word. */
  readonly signedIn?: boolean
  /** Whether the storage holds tokens. Not asked in cookie mode. */
  readonly stored?: boolean
  /** No request of this act carries a token. Not asked in cookie mode, where the browser keeps them. */
  readonly withoutTokens?: true
  /** No request to the other origin carries a token. */
  readonly keptFromOthers?: true
  /** No URL holds a token, and only the routes for it get the refresh token. */
  readonly clean?: true
  /** The session has ended on the server. */
  readonly ended?: true
  /** What to do, instead of the general advice. */
  readonly advice?: string
  /** What differs over `fdi`. */
  readonly fdi?: Expectation
}

/** An act of the client, which its driver carries out and reports. */
export type ClientAct = (
  | { readonly do: 'start' | 'restart' | 'sign-out' | 'wait' }
  | { readonly do: 'sign-in'; readonly user: string }
  | { readonly do: 'requests'; readonly requests: readonly Wanted[]; readonly background?: true }
) & { readonly expect?: Expectation }

/** What happens to the refreshes that the server receives. It holds one; the next are served. */
export type RefreshFate =
  | 'served'
  | 'after the burst'
  | 'held'
  | 'answer-lost'
  | 'request-lost'
  | 'unavailable'
  | 'sign-in page'
  | 'refused by proxy'

/** The same for the other requests. */
export type RequestFate = 'served' | 'held before' | 'answer held' | 'use held' | 'refused once' | 'refused'

/** An act of the kit. */
export type KitAct =
  /** Turns the server's clock. */
  | { readonly kit: 'advance'; readonly seconds: number }
  | { readonly kit: 'refreshes'; readonly are: RefreshFate }
  | { readonly kit: 'requests'; readonly are: RequestFate }
  /** Waits until the server holds a request or an answer. */
  | { readonly kit: 'hold' }
  /** Lets all that is held go on. */
  | { readonly kit: 'release'; readonly afterMs?: number }
  /** Waits in real time. */
  | { readonly kit: 'pause'; readonly ms: number }
  | { readonly kit: 'end'; readonly user: string; readonly reason: 'revoked' | 'replaced' }
  | { readonly kit: 'expire access tokens'; readonly user: string }
  /** Another party takes the tokens that the server issued last, or uses those that it has. */
  | { readonly kit: 'thief'; readonly does: 'copy' | 'refresh' | 'use' }

export type Act = ClientAct | KitAct

export interface Scenario {
  readonly name: string
  /** One line: what happens. */
  readonly summary: string
  /** Where it applies. @defaultValue everywhere */
  readonly protocols?: readonly Protocol[]
  /** How far the server's clock is ahead, in seconds. @defaultValue 0 */
  readonly clock?: number
  /** The kit starts the client before the first one. */
  readonly acts: readonly Act[]
}

export function isClientAct(act: Act): act is ClientAct {
  return 'do' in act
}

export function appliesTo({ protocols }: Scenario, protocol: Protocol): boolean {
  return protocols === undefined || protocols.includes(protocol)
}
