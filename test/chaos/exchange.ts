import { Agent, request } from 'node:http'

/** A response of a server process. */
export interface Answer {
  readonly status: number
  readonly setCookies: readonly string[]
  readonly code: string | null
  /** For a 401: whether the client should refresh. */
  readonly mayRefresh: boolean
  readonly verdict: string | null
  /** Whether a limit put the refresh off. */
  readonly limited: boolean
  /** What the next proof of a bound session signs. */
  readonly nonce: string | null
  /** What a proof signs that binds the session of a login. */
  readonly registerChallenge: string | null
}

export interface RequestHeaders {
  readonly cookie: string | undefined
  /** A proof of the device. */
  readonly dpop?: string
}

/** The network between clients and server processes. */
export interface Network {
  /** @returns null when no response arrived within `ms` */
  send(
    port: number,
    method: 'GET' | 'POST',
    path: string,
    headers: RequestHeaders,
    ms: number,
  ): Promise<Answer | null>
  /** Share of recent requests without a response, 0 to 1. Clients slow down when it rises. */
  readonly strain: number
  readonly figures: { requests: number; refreshes: number; unanswered: number; serverErrors: number }
  close(): void
}

export function createNetwork(): Network {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64, timeout: 4000 })
  const figures = { requests: 0, refreshes: 0, unanswered: 0, serverErrors: 0 }
  let strain = 0
  return {
    figures,
    get strain() {
      return strain
    },
    close: () => agent.destroy(),
    async send(port, method, path, headers, ms) {
      figures.requests++
      if (path === '/session/refresh') figures.refreshes++
      const answer = ms <= 0 ? null : await exchange(agent, port, method, path, headers, ms)
      strain += ((answer === null ? 1 : 0) - strain) / 100
      if (answer === null) figures.unanswered++
      else if (answer.status === 500) figures.serverErrors++
      return answer
    },
  }
}

function exchange(
  agent: Agent,
  port: number,
  method: string,
  path: string,
  { cookie, dpop }: RequestHeaders,
  ms: number,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    const req = request({
      agent,
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: {
        'sec-fetch-site': 'same-origin',
        ...(cookie !== undefined && { cookie }),
        ...(dpop !== undefined && { dpop }),
      },
    })
    const timer = setTimeout(() => done(null), ms)
    const done = (answer: Answer | null): void => {
      clearTimeout(timer)
      if (answer === null) req.destroy()
      resolve(answer)
    }
    req.on('error', () => done(null))
    req.on('response', (res) => {
      let text = ''
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => {
        text += chunk
      })
      res.on('error', () => done(null))
      res.on('aborted', () => done(null))
      res.on('end', () => {
        const body = bodyOf(text)
        done({
          status: res.statusCode!,
          setCookies: res.headers['set-cookie'] ?? [],
          code: res.statusCode! < 400 ? null : (body?.code ?? null),
          mayRefresh: body?.refresh === true,
          verdict: res.headers['chaos-verdict']?.toString() ?? null,
          limited: res.headers['chaos-limited'] !== undefined,
          nonce: res.headers['dpop-nonce']?.toString() ?? null,
          registerChallenge: body?.deviceChallenge ?? null,
        })
      })
    })
    req.end()
  })
}

function bodyOf(
  text: string,
): { code?: string; refresh?: boolean | 'once'; deviceChallenge?: string } | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
