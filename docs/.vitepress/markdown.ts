import { posix } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'

/** Folders of `docs` whose files readers load into other programs. The site serves them as they are. */
export const SERVED_FOLDERS: readonly string[] = ['operate/alerts']

/** The id that GitHub gives to a heading, so that a link works there and here. */
export function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-')
}

/** Makes what GitHub renders work on the site: links to files that are no pages, and diagrams. @param files where the repository shows its files */
export function adaptMarkdown(markdown: MarkdownRenderer, files: string): void {
  linkToRepository(markdown, files)
  drawDiagrams(markdown)
  showBraces(markdown)
  dropEmptyHeadings(markdown)
}

function linkToRepository(markdown: MarkdownRenderer, files: string): void {
  markdown.core.ruler.push('repository', ({ tokens, env }) => {
    const { relativePath } = env as { readonly relativePath: string }
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      const target = href === null ? null : linkToFile(relativePath, href, files, '/')
      if (target !== null) token.attrSet('href', target)
    }
  })
}

/**
 * Where the link of a page to a file leads: to the site, if the site serves the file, otherwise to the repository. `null` for a
 * link to a page.
 * @param page its path in `docs`
 * @param site where the site begins
 */
export function linkToFile(page: string, href: string, files: string, site: string): string | null {
  if (/^(?:[a-z]+:|#|\/)/.test(href)) return null
  const path = posix.join('docs', posix.dirname(page), href)
  if (path.startsWith('docs/') && !/\.(?!md\b)\w+$/.test(path)) return null
  const isServed = SERVED_FOLDERS.some((folder) => path.startsWith(`docs/${folder}/`))
  return isServed ? site + path.slice('docs/'.length) : `${files}/${path}`
}

function drawDiagrams(markdown: MarkdownRenderer): void {
  const { fence } = markdown.renderer.rules
  markdown.renderer.rules.fence = (tokens, index, options, env, self) => {
    const { info, content } = tokens[index]!
    if (info.trim() !== 'mermaid') return fence!(tokens, index, options, env, self)
    return `<MermaidDiagram code="${encodeURIComponent(content)}" />\n`
  }
}

/** Pages are no templates of Vue. */
function showBraces({ renderer: { rules } }: MarkdownRenderer): void {
  for (const name of ['text', 'code_inline'] as const) {
    const render = rules[name]!
    rules[name] = (...given) => render(...given).replaceAll('{{', '&#123;&#123;')
  }
}

/** A cell without words is no heading of its column. */
function dropEmptyHeadings(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('empty-headings', ({ tokens }) => {
    for (const [index, { type, content }] of tokens.entries()) {
      if (type !== 'inline' || content !== '' || tokens[index - 1]!.type !== 'th_open') continue
      tokens[index - 1]!.tag = 'td'
      tokens[index + 1]!.tag = 'td'
    }
  })
}
