/** The script of the page under test. It exposes the real client to the test. */
import axios from 'axios'
import { attachAxios } from '../../../src/client/attach-axios.ts'
import { attachXhr } from '../../../src/client/attach-xhr.ts'
import { bindDevice } from '../../../src/client/bind/index.ts'
import { createSessionClient, type SessionClient } from '../../../src/client/index.ts'

export interface User {
  readonly id: string
}

/** The result of a request. Status 0: no response. */
export interface Got {
  readonly status: number
  readonly id?: string
  readonly code?: string
  /** Of a 401: whether a refresh helps. */
  readonly refresh?: boolean | 'once'
}

export interface Xhr {
  readonly status: number
  readonly response: unknown
  readonly events: readonly string[]
}

export interface PageTab {
  readonly client: SessionClient<User>
  readonly problems: string[]
  /** How often the status became `signed-out`. */
  logouts: number
  /** For each time the page was shown: whether it came from the back/forward cache. */
  readonly shown: boolean[]
  /** How often the page was hidden by a navigation. */
  hidden: number
  ask(path: string, init?: RequestInit): Promise<Got>
  /** A request by axios, whose interceptor unwraps the body. */
  axios(path: string): Promise<unknown>
  /** A request for JSON by `XMLHttpRequest`, with the events that its listeners see. */
  xhr(path: string): Promise<Xhr>
  login(user: string): Promise<boolean>
}

declare global {
  interface Window {
    readonly tab: PageTab
  }
}

const { baseUrl, overlap, device } = Object.fromEntries(new URLSearchParams(location.search))
const problems: string[] = []
const shown: boolean[] = []
const client = createSessionClient<User>({
  ...(baseUrl && { baseUrl }),
  ...(overlap && { overlap: Number(overlap) }),
  ...(device && { device: bindDevice() }),
  user: async (fetch) => {
    const response = await fetch('/me')
    // Only a 401 without `refresh` means that nobody is signed in: the clock of the test may jump.
    if (response.status === 401 && !((await response.json()) as { refresh: unknown }).refresh) return null
    if (!response.ok) throw new Error(`/me answered ${response.status}`)
    return (await response.json()) as User
  },
  onProblem: (problem) => problems.push(problem),
})

const http = axios.create({ baseURL: baseUrl || location.origin, adapter: 'xhr' })
http.interceptors.response.use(({ data }) => data)
attachAxios(client, http)

async function ask(path: string, init?: RequestInit): Promise<Got> {
  try {
    const response = await client.fetch(path, init)
    // Rejects if the response breaks off after its headers, as by a reload: that is no response.
    const body = await response.text()
    return { ...(body.startsWith('{') && JSON.parse(body)), status: response.status }
  } catch {
    return { status: 0 }
  }
}

function xhr(path: string): Promise<Xhr> {
  const detach = attachXhr(client)
  const request = new XMLHttpRequest()
  const events: string[] = []
  for (const type of ['readystatechange', 'loadstart', 'load', 'error', 'abort', 'loadend'])
    request.addEventListener(type, () =>
      events.push(type === 'readystatechange' ? `${request.readyState}` : type),
    )
  return new Promise((resolve) => {
    request.addEventListener('loadend', () => {
      detach()
      resolve({ status: request.status, response: request.response, events })
    })
    request.open('GET', path)
    request.responseType = 'json'
    request.send()
  })
}

function show({ status, user }: typeof client.session): void {
  document.body.dataset['status'] = status
  document.body.textContent = user === null ? `Nobody, as far as is known (${status})` : `Hello ${user.id}`
}

const tab: PageTab = {
  client,
  problems,
  logouts: 0,
  shown,
  hidden: 0,
  ask,
  axios: (path) => http.get(path),
  xhr,
  login: (user: string) =>
    client.signIn(async () => {
      const response = await client.fetch('/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user }),
      })
      return response.ok ? response.json() : null
    }),
}

client.onChange((session) => {
  if (session.status === 'signed-out') tab.logouts++
  show(session)
})
show(client.session)
addEventListener('pageshow', ({ persisted }) => shown.push(persisted))
addEventListener('pagehide', () => {
  tab.hidden++
})
Object.assign(window, { tab })
