import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { linkToFile } from './markdown.ts'
import type { PageSection } from './pages.ts'

const FRONT_MATTER = /^---\n.*?^---\n+/ms
const DOCS = join(import.meta.dirname, '..')

/**
 * Writes `llms.txt` (llmstxt.org), the pages that it lists as Markdown, and all of them in `llms-full.txt`.
 * @param files where the repository shows its files
 */
export function writeForAssistants(
  outDir: string,
  sections: readonly PageSection[],
  {
    description,
    site,
    files,
  }: { readonly description: string; readonly site: string; readonly files: string },
): void {
  const head = `# Pawl\n\n> ${description}\n`
  const lines = [head]
  const texts = [head]
  for (const { text, about, groups } of sections) {
    lines.push(`## ${text}\n\n${about}.\n`)
    for (const { path, title } of groups.flatMap(({ pages }) => pages)) {
      const source = join(DOCS, `${path}.md`)
      const target = join(outDir, `${path}.md`)
      mkdirSync(dirname(target), { recursive: true })
      const page = completeLinks(readFileSync(source, 'utf8'), (href) => linkToFile(path, href, files, site))
      writeFileSync(target, page)
      lines.push(`- [${title}](${site}${path}.md): ${aboutOf(page)}`)
      texts.push(`<!-- ${site}${path.replace(/index$/, '')} -->\n\n${page.replace(FRONT_MATTER, '')}`)
    }
    lines.push('')
  }
  writeFileSync(join(outDir, 'llms.txt'), lines.join('\n'))
  writeFileSync(join(outDir, 'llms-full.txt'), texts.join('\n'))
}

/** Links to files that are not beside the page must be complete. The links of code samples stay. */
function completeLinks(page: string, complete: (href: string) => string | null): string {
  return page.replace(/^( *)```.*?^\1```|\]\(([^)\s]+)\)/gms, (text, _indent, href: string | undefined) => {
    const target = href === undefined ? null : complete(href)
    return target === null ? text : `](${target})`
  })
}

/** The description in the front matter, or the first sentence below the heading. */
function aboutOf(page: string): string {
  const [front = ''] = FRONT_MATTER.exec(page) ?? []
  const [, description] = /^description: *(['"]?)(.+)\1$/m.exec(front)?.slice(1) ?? []
  return description ?? firstSentence(page)
}

/** Without its links. */
function firstSentence(page: string): string {
  const [paragraph = ''] = page.replace(/^.*?^# .*?\n+/ms, '').split(/\n\n/)
  const text = paragraph.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('\n', ' ')
  return /^.*?[.:?!](?= [A-Z]|$)/.exec(text)?.[0] ?? text
}
