import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { ROOT } from '../../../docs/.vitepress/places.ts'
import { listen } from '../../support/http-server.ts'

/** The built site. */
export const SITE = 'docs/.vitepress/dist'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}
const VERSIONS = [
  { name: '0.2', folder: '' },
  { name: '0.1', folder: '0.1/' },
]

/** Serves the built site like GitHub Pages: under its path, with addresses that lack `.html`. @returns its address */
export async function servePages(): Promise<string> {
  const port = await listen(async (req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://site')
    const [status, type, body] = await find(decodeURIComponent(pathname))
    res.writeHead(status, { 'content-type': type }).end(body)
  })
  return `http://127.0.0.1:${port}${ROOT}`
}

async function find(path: string): Promise<[status: number, type: string, body: Buffer | string]> {
  if (path === `${ROOT}versions.json`) return [200, TYPES['.json']!, JSON.stringify(VERSIONS)]
  const name = path.slice(ROOT.length)
  const names = name === '' || name.endsWith('/') ? [`${name}index.html`] : [name, `${name}.html`]
  for (const candidate of path.startsWith(ROOT) && !name.includes('..') ? names : []) {
    const body = await readFile(`${SITE}/${candidate}`).catch(() => null)
    if (body !== null) return [200, TYPES[extname(candidate)] ?? 'application/octet-stream', body]
  }
  return [404, TYPES['.html']!, await readFile(`${SITE}/404.html`)]
}
