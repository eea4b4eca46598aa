import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface ExternalLink {
  readonly page: string
  readonly url: string
}

/** The links of all Markdown files to other sites. */
export function readExternalLinks(): ExternalLink[] {
  const pages = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).trim().split('\n')
  return pages.flatMap((page) => {
    const text = readFileSync(page, 'utf8').replace(/^( *)```.*?^\1```$/gms, '')
    return [...text.matchAll(/(?:\]\(|^\[[^\]\n]+\]: )(https?:[^)\s]+)/gm)].map(([, url]) => ({
      page,
      url: url!,
    }))
  })
}
