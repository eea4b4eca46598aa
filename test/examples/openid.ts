import { createClient, type Received } from '../support/http-client.ts'

/** Signs in on the pages of the local provider. @returns the address of the final redirect */
export async function signInAtProvider(authorizationUrl: string, name: string): Promise<string> {
  const { host, port, origin } = new URL(authorizationUrl)
  const client = createClient(Number(port))
  const send = (method: string, url: URL, body?: URLSearchParams): Promise<Received> =>
    client.send(method, url.pathname + url.search, {
      headers: { host, ...(body && { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(body && { body: body.toString() }),
    })

  let at = new URL(authorizationUrl)
  // The provider redirects several times and shows two forms: login and consent.
  for (let step = 0; step < 10 && at.origin === origin; step++) {
    let answer = await send('GET', at)
    if (answer.headers.location === undefined) {
      const [, action] = /<form[^>]* action="([^"]+)"/.exec(answer.text) ?? []
      const [, prompt] = /name="prompt" value="([^"]+)"/.exec(answer.text) ?? []
      if (action === undefined || prompt === undefined) throw new Error(`no form in: ${answer.text}`)
      answer = await send(
        'POST',
        new URL(action, at),
        new URLSearchParams({ prompt, login: name, password: 'any' }),
      )
    }
    if (answer.headers.location === undefined) throw new Error(`no redirect but: ${answer.text}`)
    at = new URL(answer.headers.location, at)
  }
  return at.href
}
