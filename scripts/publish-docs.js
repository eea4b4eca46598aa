// Builds the site of a ref into the folder of all sites, which is the branch `gh-pages`. Usage: node scripts/publish-docs.js <folder> <ref>
// The newest release is at the root, each minor release keeps a folder such as `0.2`, and `main` is in `next`.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = '/pawl/'
const BUILT = 'docs/.vitepress/dist'
const NEXT = 'next'
const MINOR = /^\d+\.\d+$/
/** What of the root belongs to no single site. */
const SHARED = ['.git', '.nojekyll', 'versions.json', NEXT]

/** The folders to build for a ref, given the minor releases that have one. The root is ''. */
export function foldersFor(ref, releases) {
  const [, minor] = /^v(\d+\.\d+)\.\d+$/.exec(ref) ?? []
  if (minor !== undefined) return isNewest(minor, releases) ? ['', minor] : [minor]
  if (ref !== 'main') return []
  // Until the first release the site is that of `main`.
  return releases.length === 0 ? ['', NEXT] : [NEXT]
}

/** The entries of the version menu, newest first. */
export function versionsOf(releases) {
  const [newest, ...older] = [...releases].sort(compare).reverse()
  const first = newest === undefined ? [] : [{ name: newest, folder: '' }]
  return [
    ...first,
    ...older.map((minor) => ({ name: minor, folder: `${minor}/` })),
    { name: NEXT, folder: `${NEXT}/` },
  ]
}

function isNewest(minor, releases) {
  return releases.every((release) => compare(release, minor) <= 0)
}

function compare(one, other) {
  const [[a, b], [c, d]] = [one, other].map((minor) => minor.split('.').map(Number))
  return a - c || b - d
}

const releasesIn = (pages) => readdirSync(pages).filter((name) => MINOR.test(name))

/** Replaces a site, but not the sites in folders below the root. */
export function replaceSite(pages, folder, built) {
  const target = join(pages, folder)
  for (const name of existsSync(target) ? readdirSync(target) : [])
    if (folder !== '' || (!SHARED.includes(name) && !MINOR.test(name)))
      rmSync(join(target, name), { recursive: true })
  cpSync(built, target, { recursive: true })
}

function publish(pages, ref) {
  for (const folder of foldersFor(ref, releasesIn(pages))) {
    const base = folder === '' ? ROOT : `${ROOT}${folder}/`
    const env = { ...process.env, DOCS_BASE: base, DOCS_REF: ref }
    execFileSync('npm', ['run', 'docs:build'], { stdio: 'inherit', env })
    replaceSite(pages, folder, BUILT)
  }
  writeFileSync(join(pages, '.nojekyll'), '')
  writeFileSync(join(pages, 'versions.json'), `${JSON.stringify(versionsOf(releasesIn(pages)))}\n`)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) publish(process.argv[2], process.argv[3])
