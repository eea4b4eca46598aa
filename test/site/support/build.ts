import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { SITE } from './pages-server.ts'

/** Builds the site, unless it is newer than its sources. */
export function buildSite(): void {
  const built = statSync(`${SITE}/index.html`, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (newest('docs') > built || newest('src') > built)
    execFileSync('npm', ['run', 'docs:build'], { stdio: 'inherit', shell: process.platform === 'win32' })
}

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    // What the build writes, and what a start of VitePress touches.
    .filter((file) => !/^(?:\.vitepress[\\/](?:cache|dist|\.temp)|reference[\\/]api)/.test(file))
  return Math.max(
    ...files.map((file) => statSync(`${folder}/${file}`)).map((stat) => (stat.isFile() ? stat.mtimeMs : 0)),
  )
}
