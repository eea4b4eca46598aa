import { Agent, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Cookies, and requests that carry them. */
export interface Browser {
  /** @param port which server answers; any of them, as behind a balancer, where it is not given */
  send(method: 'GET' | 'POST', path: string, port?: number): Promise<Answer>
  /** @throws when the answer is another one */
  expect(status: number, code: string, method: 'GET' | 'POST', path: string): Promise<void>
  plant(name: string, value: string): void
  clear(): void
}

interface Cookie {
  readonly value: string
  readonly path: string
}

const HOST = 'app.example.com'
const ANSWERED_WITHIN = 30_000
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/**
 * @param user whom a login of this browser signs in
 * @param start called for each request; what it returns, when the request has been answered
 */
export function createBrowser(ports: readonly number[], user: string, start: () => () => void): Browser {
  const jar = new Map<string, Cookie>()

  function cookieHeader(path: string): string {
    const sent = [...jar].filter(([, cookie]) => path.startsWith(cookie.path))
    return sent.map(([name, { value }]) => `${name}=${value}`).join('; ')
  }

  function keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    const path = attributes.find((text) => text.startsWith('Path='))?.slice('Path='.length) ?? '/'
    if (attributes.includes('Max-Age=0')) jar.delete(name)
    else jar.set(name, { value: pair.slice(at + 1), path })
  }

  async function send(method: string, path: string, port = pick(ports)): Promise<Answer> {
    const cookie = cookieHeader(path)
    const headers = {
      host: HOST,
      'x-user': user,
      ...(method === 'POST' && { origin: `https://${HOST}`, 'content-length': '0' }),
      ...(cookie !== '' && { cookie }),
    }
    const done = start()
    return new Promise((resolve, reject) => {
      const options = { agent, host: '127.0.0.1', port, method, path, headers, timeout: ANSWERED_WITHIN }
      const sent = request(options, (res) => {
        let body = ''
        res.setEncoding('utf8')
        res.on('data', (chunk) => {
          body += chunk
        })
        res.on('error', reject)
        res.on('end', () => {
          done()
          for (const line of res.headers['set-cookie'] ?? []) keep(line)
          resolve({ status: res.statusCode!, body })
        })
      })
      sent.on('timeout', () => sent.destroy(new Error('no answer')))
      sent.on('error', (cause) => reject(new Error(`${method} ${path}: ${cause.message}`, { cause })))
      sent.end()
    })
  }

  return {
    send,
    async expect(status, code, method, path) {
      const answer = await send(method, path)
      if (answer.status !== status || !answer.body.includes(code)) throw unexpected(method, path, answer)
    },
    plant: (name, value) => void jar.set(name, { value, path: '/' }),
    clear: () => jar.clear(),
  }
}

export function unexpected(method: string, path: string, { status, body }: Answer): Error {
  return new Error(`${method} ${path}: ${status} ${body}`)
}

export const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!
