// Follows the links of the documentation to other sites, and fails if one is dead. A workflow runs it once a week.
import { readExternalLinks } from '../docs/.vitepress/external-links.ts'

const TIMEOUT = 20_000
/** Requests at once. Never two to one host, which might refuse them. */
const WORKERS = 8
const ATTEMPTS = 3

const pages = new Map()
for (const { page, url } of readExternalLinks()) {
  const [address] = url.split('#')
  pages.set(address, [...(pages.get(address) ?? []), page])
}
const hosts = new Map()
for (const url of pages.keys()) {
  const { host } = new URL(url)
  hosts.set(host, [...(hosts.get(host) ?? []), url])
}
const queue = [...hosts.values()]
const dead = []
await Promise.all(Array.from({ length: WORKERS }, work))
for (const line of dead.sort()) process.stderr.write(`${line}\n`)
process.stdout.write(`${pages.size} links to ${hosts.size} hosts, ${dead.length} dead\n`)
if (dead.length > 0) process.exitCode = 1

async function work() {
  for (let urls = queue.shift(); urls !== undefined; urls = queue.shift())
    for (const url of urls) {
      const problem = await problemOf(url)
      if (problem !== null) dead.push(`${url}: ${problem} (${[...new Set(pages.get(url))].join(', ')})`)
    }
}

/** What is wrong with a link; null if it leads somewhere. A site that refuses programs (403, 429) is there. */
async function problemOf(url) {
  let problem = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const response = await fetch(url, {
        signal: AbortSignal.timeout(TIMEOUT),
        headers: { 'user-agent': 'Mozilla/5.0 (compatible; pawl-link-check)', accept: 'text/html,*/*' },
      })
      await response.body?.cancel()
      if (response.ok || [401, 403, 429].includes(response.status)) return null
      problem = `status ${response.status}`
      if (response.status === 404 || response.status === 410) return problem
    } catch (error) {
      problem = error.cause?.code ?? error.message
    }
  }
  return problem
}
