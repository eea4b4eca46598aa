/** A minimal browser: it keeps cookies by name and path, and follows no redirects. */
export interface Browser {
  post(path: string, form?: Record<string, string>): Promise<Response>
  get(path: string): Promise<Response>
}

export function createBrowser(origin: string): Browser {
  const cookies = new Map<string, { value: string; path: string }>()

  function keep(header: string): void {
    const [pair, ...attributes] = header.split('; ')
    const [name, value] = pair!.split('=') as [string, string]
    const path = attributes.find((attribute) => attribute.startsWith('Path='))!.slice('Path='.length)
    if (attributes.includes('Max-Age=0')) cookies.delete(name)
    else cookies.set(name, { value, path })
  }

  async function send(path: string, init: RequestInit): Promise<Response> {
    const sent = [...cookies].filter(([, cookie]) => path.startsWith(cookie.path))
    const cookie = sent.map(([name, { value }]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(path, origin), {
      ...init,
      headers: { origin, 'sec-fetch-site': 'same-origin', cookie },
      redirect: 'manual',
    })
    response.headers.getSetCookie().forEach(keep)
    return response
  }

  return {
    get: (path) => send(path, {}),
    post: (path, form) =>
      send(path, { method: 'POST', ...(form !== undefined && { body: new URLSearchParams(form) }) }),
  }
}

export interface Thief {
  /** @returns the error code of the response, or `ok` */
  refresh(): Promise<string>
  use(): Promise<string>
}

/** Presses "Steal this session" and sends the requests of the thief's view. */
export async function stealFrom(owner: Browser, origin: string): Promise<Thief> {
  const stolen = await owner.post('/session/steal')
  const id = stolen.headers.get('location')!.split('#')[1]!
  const json = (path: string, body: unknown): Promise<Response> =>
    fetch(new URL(path, origin), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'pawl-transport': 'bearer' },
      body: JSON.stringify(body),
    })
  let { refreshToken } = (await (await json('/thief/loot', { id })).json()) as { refreshToken: string }
  let accessToken = ''

  return {
    async refresh() {
      const answer = await json('/session/refresh', { refreshToken })
      if (answer.status !== 200) return codeOf(answer)
      const tokens = (await answer.json()) as { refreshToken: string | null; accessToken: string }
      refreshToken = tokens.refreshToken ?? refreshToken
      accessToken = tokens.accessToken
      return 'ok'
    },
    use: async () =>
      codeOf(
        await fetch(new URL('/api/me', origin), { headers: { authorization: `Bearer ${accessToken}` } }),
      ),
  }
}

export async function codeOf(answer: Response): Promise<string> {
  const { code = 'ok' } = (await answer.json()) as { code?: string }
  return code
}
