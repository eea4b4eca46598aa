import { Agent, request } from 'node:http'
import { createJar } from '../../test/support/http-jar.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

type Method = 'GET' | 'POST'

/** A cookie jar, and requests that send its cookies. */
export interface Browser {
  /** @param port by default one of the servers at random, as behind a load balancer */
  send(method: Method, path: string, port?: number): Promise<Answer>
  /** @throws if the response differs */
  expect(status: number, body: string, method: Method, path: string): Promise<void>
  setCookie(name: string, value: string): void
}

const HOST = 'app.example.com'
const RESPONSE_TIMEOUT = 30_000
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/**
 * @param user signed in by a login of this browser
 * @param onResponse receives the milliseconds of each request
 */
export function createBrowser(
  ports: readonly number[],
  user: string,
  onResponse: (milliseconds: number) => void,
): Browser {
  const jar = createJar()

  async function send(method: Method, path: string, port = pick(ports)): Promise<Answer> {
    const cookie = jar.header(path)
    const headers = {
      host: HOST,
      'x-user': user,
      ...(method === 'POST' && { origin: `https://${HOST}`, 'content-length': '0' }),
      ...(cookie !== undefined && { cookie }),
    }
    const options = { agent, host: '127.0.0.1', port, method, path, headers, timeout: RESPONSE_TIMEOUT }
    const startedAt = performance.now()
    return new Promise((resolve, reject) => {
      const sent = request(options, (res) => {
        let body = ''
        res.setEncoding('utf8')
        res.on('data', (chunk) => {
          body += chunk
        })
        res.on('error', reject)
        res.on('end', () => {
          onResponse(performance.now() - startedAt)
          jar.store(res.headers['set-cookie'] ?? [])
          resolve({ status: res.statusCode!, body })
        })
      })
      sent.on('timeout', () => sent.destroy(new Error(`no response within ${RESPONSE_TIMEOUT} ms`)))
      sent.on('error', (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })))
      sent.end()
    })
  }

  return {
    send,
    async expect(status, body, method, path) {
      const answer = await send(method, path)
      if (answer.status !== status || !answer.body.includes(body)) throw unexpected(method, path, answer)
    },
    setCookie: (name, value) => jar.put(name, value),
  }
}

export function unexpected(method: Method, path: string, { status, body }: Answer): Error {
  return new Error(`unexpected response to ${method} ${path}: ${status} ${body}`)
}

export const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!
