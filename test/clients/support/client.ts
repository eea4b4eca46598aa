/** How a client passes tokens: `st-auth-mode`. */
export type TransferMode = 'cookie' | 'header'

/** What a client sends a request with. `XMLHttpRequest` is the browser's alone. */
export type Sender = 'fetch' | 'xhr' | 'axios'

export interface Init {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: object
}

/** The result of a request: the status, and the members of the JSON body. Status 0: no response. */
export interface Got {
  readonly status: number
  readonly [member: string]: unknown
}

/** What the event handler of the client has been told. */
export interface SeenEvent {
  readonly action: string
  readonly sessionExpiredOrRevoked?: boolean
  readonly claimValidationErrors?: unknown
}

/** The part of the clients' public interface that both of them have. */
export interface ClientCalls {
  /** Calls the application; by default `GET /me` with `fetch`. */
  ask(path?: string, init?: Init, sender?: Sender): Promise<Got>
  /** `doesSessionExist` */
  exists(): Promise<boolean>
  /** `getUserId` */
  userId(): Promise<string>
  /** `getAccessTokenPayloadSecurely` */
  payload(): Promise<Readonly<Record<string, unknown>>>
  /** `getAccessToken` */
  accessToken(): Promise<string | undefined>
  /** `attemptRefreshingSession`; the error as its status or message. */
  refresh(): Promise<boolean | string>
  signOut(): Promise<void>
  /** Moves the client's clock, in seconds. The server has a clock of its own. */
  shift(seconds: number): Promise<void>
}

/** A real client of SuperTokens: a tab of a browser, or a running app. */
export interface Client extends ClientCalls {
  login(user?: string): Promise<Got>
  /** The events since the last call. */
  events(): Promise<SeenEvent[]>
  /** Closes the tab, or kills the app: it stores and receives nothing any more. */
  end(): Promise<void>
  /** The names of the events since the last call. */
  actions(): Promise<string[]>
}

/** The result of a request that has failed. axios rejects for an answer that is none of success. */
export function failed(error: unknown): Got {
  const { response } = error as { readonly response?: { readonly status: number; readonly data: object } }
  return response === undefined
    ? { status: 0, error: String(error) }
    : { ...response.data, status: response.status }
}
