import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Fails the build if a page links to a page, file or heading of the site that does not exist. */
export function checkLinks(outDir: string, base: string): void {
  const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.html'),
  )
  const pages = new Map(files.map((file) => [file.replaceAll('\\', '/'), readPage(join(outDir, file))]))
  const dead = [...pages].flatMap(([file, { links }]) =>
    links.filter((link) => !leads(link, file)).map((link) => `${file}: ${link}`),
  )
  if (dead.length > 0) throw new Error(`Dead links in the site:\n${dead.join('\n')}`)

  function leads(link: string, from: string): boolean {
    const { origin, pathname, hash } = new URL(link, `http://site${base}${from.replace(/\.html$/, '')}`)
    if (origin !== 'http://site') return true
    if (!pathname.startsWith(base)) return false
    const path = decodeURIComponent(pathname.slice(base.length))
    const page = pages.get(path === '' || path.endsWith('/') ? `${path}index.html` : `${path}.html`)
    if (page === undefined) return hash === '' && existsSync(join(outDir, path))
    return hash === '' || page.ids.has(decodeURIComponent(hash.slice(1)))
  }
}

function readPage(file: string): { readonly ids: Set<string>; readonly links: readonly string[] } {
  const html = readFileSync(file, 'utf8')
  const values = (attribute: string): string[] =>
    [...html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map(([, value]) =>
      value!.replaceAll('&amp;', '&'),
    )
  return { ids: new Set(values('id')), links: [...values('href'), ...values('src')] }
}
