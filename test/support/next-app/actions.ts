import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, HOST, type Received } from '../http-client.ts'
import { build } from './build.ts'

interface Manifest {
  readonly node: Readonly<Record<string, { readonly exportedName: string }>>
}

/** Calls a Server Action of `app/page/actions.js` as Next's own client does. */
export async function callAction(
  client: Client,
  name: string,
  { page = '/page', headers }: { page?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Received> {
  return client.send('POST', page, {
    headers: {
      'next-action': await idOf(name),
      accept: 'text/x-component',
      'content-type': 'text/plain;charset=UTF-8',
      origin: `https://${HOST}`,
      'sec-fetch-mode': 'cors',
      'sec-fetch-dest': 'empty',
      ...headers,
    },
    body: '[]',
  })
}

/** Sends the form of a Server Action as a browser without scripts does. */
export async function sendForm(
  client: Client,
  name: string,
  fields: Readonly<Record<string, string>>,
): Promise<Received> {
  const form = new FormData()
  form.set(`$ACTION_ID_${await idOf(name)}`, '')
  for (const [field, value] of Object.entries(fields)) form.set(field, value)
  const encoded = new Response(form)
  return client.send('POST', '/page', {
    headers: {
      'content-type': encoded.headers.get('content-type')!,
      origin: `https://${HOST}`,
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    },
    body: await encoded.text(),
  })
}

async function idOf(name: string): Promise<string> {
  const file = join(await build(), '.next/server/server-reference-manifest.json')
  const { node } = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  const found = Object.entries(node).find(([, { exportedName }]) => exportedName === name)
  if (found === undefined) throw new Error(`no action is called ${name}`)
  return found[0]
}
