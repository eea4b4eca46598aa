import { type IncomingHttpHeaders, request } from 'node:http'
import { type CookieJar, createJar, redact } from './http-jar.ts'
import { jsonOf } from './http-site.ts'

/** The host of the site. It is not localhost, so that the cookies are secure. */
export const HOST = 'app.example.com'

export interface Received {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Every `Set-Cookie`, in order, tokens replaced. */
  readonly cookies: readonly string[]
  readonly text: string
  readonly body: unknown
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A browser on a real socket. It stores cookies and sends `Sec-Fetch-Site: same-origin`. */
export interface Client {
  readonly jar: CookieJar
  send(method: string, path: string, options?: SendOptions): Promise<Received>
}

export function createClient(port: number, jar: CookieJar = createJar()): Client {
  async function send(
    method: string,
    path: string,
    { headers = {}, body }: SendOptions = {},
  ): Promise<Received> {
    const cookie = jar.header(path.replace(/\?.*$/, ''))
    const received = await exchange(port, method, path, body, {
      host: HOST,
      'sec-fetch-site': 'same-origin',
      ...(cookie !== undefined && { cookie }),
      ...headers,
    })
    const set = received.headers['set-cookie'] ?? []
    jar.store(set)
    return { ...received, cookies: set.map(redact), body: jsonOf(received.text) }
  }
  return { jar, send }
}

function exchange(
  port: number,
  method: string,
  path: string,
  body: string | undefined,
  headers: Record<string, string>,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
