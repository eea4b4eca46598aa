import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { readExternalLinks } from '../../docs/.vitepress/external-links.ts'
import { slugify } from '../../docs/.vitepress/markdown.ts'

/** The sites that the documentation links to. `npm run docs:links` follows the links. */
const HOSTS: readonly string[] = [
  'cockroachlabs.com',
  'creativecommons.org',
  'docs.aws.amazon.com',
  'docs.citusdata.com',
  'docs.cloud.google.com',
  'docs.yugabyte.com',
  'github.com',
  'keepachangelog.com',
  'learn.microsoft.com',
  'mswjs.io',
  'neon.com',
  'nodejs.org',
  'patroni.readthedocs.io',
  'pawljs.github.io',
  'pglite.dev',
  'playwright.dev',
  'semver.org',
  'standardschema.dev',
  'supabase.com',
  'www.npmjs.com',
  'www.rfc-editor.org',
  'www.w3.org',
]

const pages = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).trim().split('\n')
const read = (page: string): string => readFileSync(page, 'utf8').replace(/^( *)```.*?^\1```$/gms, '')

it.each(pages)('%s links only to files of the repository that exist', (page) => {
  const targets = [...read(page).matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)]
  const missing = targets
    .map(([, target]) => target!)
    .filter((target) => !existsSync(join(dirname(page), target)))
  expect(missing).toStrictEqual([])
})

it.each(pages)('%s links only to headings that exist', (page) => {
  const targets = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)#([^)\s]+)\)/g)]
  const missing = targets.filter(([, path, id]) => {
    const file = path === '' ? page : join(dirname(page), path!)
    return file.endsWith('.md') && existsSync(file) && !headingsOf(file).has(id!)
  })
  expect(missing.map(([link]) => link)).toStrictEqual([])
})

/** The ids of the headings of a page. GitHub numbers those that repeat. */
function headingsOf(page: string): Set<string> {
  const ids = new Set<string>()
  for (const [, heading] of read(page).matchAll(/^#{1,6} (.+)$/gm)) {
    const id = slugify(heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
    let unique = id
    for (let count = 1; ids.has(unique); count++) unique = `${id}-${count}`
    ids.add(unique)
  }
  return ids
}

it.each(pages)('%s names only paths of src that exist', (page) => {
  const named = [...readFileSync(page, 'utf8').matchAll(/`(src\/[\w/.-]+)`/g)].map(([, path]) => path!)
  expect(named.filter((path) => !existsSync(path))).toStrictEqual([])
})

it('links to other sites by https, without tracking, and to known sites', () => {
  const wrong = readExternalLinks().filter(({ url }) => {
    const { protocol, hostname, search } = new URL(url)
    return protocol !== 'https:' || /[?&](?:utm_|ref=)/.test(search) || !HOSTS.includes(hostname)
  })
  expect(wrong).toStrictEqual([])
})
