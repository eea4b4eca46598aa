import type { ConsoleOptions } from '../../../src/console/console-options.ts'
import { type ConsoleAccess, sessionsConsole } from '../../../src/console/index.ts'
import type { EventName, SessionEvents, Sessions, SessionsOptions } from '../../../src/index.ts'
import { listen as serve } from '../../support/http-server.ts'
import { listen, openSessions } from '../../support/sessions.ts'

export const MARIA: ConsoleAccess = { actor: 'maria@example.com' }
const PATH = '/admin/sessions'

/** An answer of the console. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A console, and the requests of a browser that looks at it. */
export interface OpenConsole {
  readonly sessions: Sessions
  /** A path below that of the console, or an address that a page has named. */
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  /** Presses the button of the only form that sends by POST. */
  press(page: Answer, headers?: Record<string, string>): Promise<Answer>
  post(path: string, headers?: Record<string, string>): Promise<Answer>
  /** Opens the question of an action and presses its button. Without a button: the page that came instead. */
  answer(path: string): Promise<Answer>
  events<Name extends EventName>(name: Name): SessionEvents[Name][]
}

export const OWN_FORM = { 'sec-fetch-site': 'same-origin' }

/** Serves the console on `node:http`. */
export async function openConsole(
  options: Partial<SessionsOptions> = {},
  given: Partial<ConsoleOptions> = {},
): Promise<OpenConsole> {
  const sessions = await openSessions(options)
  const port = await serve(sessionsConsole(sessions, { authorize: () => MARIA, ...given }))
  return { sessions, ...browse(port), events: (name) => listen(sessions, name) }
}

/** Requests to a port where a console is mounted at its default path. */
export function browse(port: number): Pick<OpenConsole, 'get' | 'press' | 'post' | 'answer'> {
  const send = async (method: string, path: string, headers: Record<string, string>): Promise<Answer> => {
    const url = `http://127.0.0.1:${port}${path.startsWith(PATH) ? '' : PATH}${path}`
    const response = await fetch(url, { method, headers, redirect: 'manual' })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const post = (path: string, headers: Record<string, string> = OWN_FORM): Promise<Answer> =>
    send('POST', path, headers)
  const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    send('GET', path, headers)
  return {
    get,
    post,
    press(page, headers) {
      const action = formOf(page)
      if (action === undefined) throw new Error(`no form to send in:\n${page.text}`)
      return post(action, headers)
    },
    async answer(path) {
      const page = await get(path)
      const action = formOf(page)
      return action === undefined ? page : post(action)
    },
  }
}

/** The address that the only form of a page sends to by POST. */
export function formOf({ text }: Pick<Answer, 'text'>): string | undefined {
  const [, action] = /<form method="post" action="([^"]+)"/.exec(text) ?? []
  return action === undefined ? undefined : decode(action)
}

/** Where an answer redirects to. */
export function locationOf({ headers }: Answer): string {
  return headers.get('location') ?? ''
}

/** The links of a page: their addresses by their texts. */
export function linksOf({ text }: Answer): Map<string, string> {
  const links = [...text.matchAll(/<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)<\/a>/gs)]
  return new Map(links.map(([, href = '', inner = '']) => [wordsOf(inner), decode(href)]))
}

/** The text of some HTML, without its elements. */
export function wordsOf(markup: string): string {
  return decode(markup.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
}

function decode(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
}
