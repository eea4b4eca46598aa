/** The script of the page: `supertokens-website` as an application uses it. */
import axios from 'axios'
import {
  attemptRefreshingSession,
  doesSessionExist,
  getAccessToken,
  getAccessTokenPayloadSecurely,
  getUserId,
  init,
  PrimitiveClaim,
  signOut,
  validateClaims,
} from 'supertokens-website'
import {
  type ClientCalls,
  failed,
  type Got,
  type Init,
  type SeenEvent,
  type Sender,
  type TransferMode,
} from './client.ts'

export interface PageClient extends ClientCalls {
  readonly seen: SeenEvent[]
  /** `validateClaims`, with a claim `st-role` in the form of SuperTokens. */
  roleErrors(role: string): Promise<unknown>
}

declare global {
  interface Window {
    readonly client: PageClient
  }
}

const parameters = new URLSearchParams(location.search)
const api = parameters.get('api')!
const domain = parameters.get('domain')
const seen: SeenEvent[] = []

/** As if every other tab were in another browser. */
const noLock = { acquireLock: async () => true, releaseLock: async () => {} }

let shift = 0
const now = Date.now.bind(Date)
Date.now = () => now() + shift * 1000

init({
  apiDomain: api,
  apiBasePath: '/auth',
  ...(domain && { sessionTokenFrontendDomain: domain }),
  tokenTransferMethod: parameters.get('mode') as TransferMode,
  ...(parameters.get('lock') === 'false' && { lockFactory: async () => noLock }),
  onHandleEvent: ({ userContext: _, ...event }) => seen.push(event),
})

const http = axios.create({ baseURL: api })

async function send(path: string, given: Init, sender: Sender): Promise<Got> {
  const { method = 'GET', body } = given
  const headers = { ...(body && { 'content-type': 'application/json' }), ...given.headers }
  const content = body && JSON.stringify(body)
  if (sender === 'axios') {
    const { status, data } = await http.request({ url: path, method, headers, ...(body && { data: body }) })
    return { ...data, status }
  }
  if (sender === 'xhr') return sendXhr(path, method, headers, content)
  const response = await fetch(api + path, { method, headers, ...(content && { body: content }) })
  return got(response.status, await response.text())
}

function sendXhr(
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  content?: string,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.onload = () => resolve(got(request.status, request.responseText))
    request.onerror = () => reject(new Error('no response'))
    request.open(method, api + path)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.send(content)
  })
}

function got(status: number, text: string): Got {
  return { ...(text.startsWith('{') && JSON.parse(text)), status }
}

const role = new PrimitiveClaim<string>({ id: 'st-role', refresh: async () => {} })

const client: PageClient = {
  seen,
  async ask(path = '/me', given = {}, sender = 'fetch') {
    try {
      return await send(path, given, sender)
    } catch (error) {
      return failed(error)
    }
  },
  exists: () => doesSessionExist(),
  userId: () => getUserId(),
  payload: () => getAccessTokenPayloadSecurely(),
  accessToken: () => getAccessToken(),
  refresh: () =>
    attemptRefreshingSession().catch((error) => `${error instanceof Response ? error.status : error}`),
  signOut: () => signOut(),
  roleErrors: async (value) => validateClaims(() => [role.validators.hasValue(value)]),
  async shift(seconds) {
    shift += seconds
  },
}
Object.assign(window, { client })
