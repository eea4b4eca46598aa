import { readFile } from 'node:fs/promises'

/** A block of code in the documentation. */
interface Block {
  readonly path: string
  readonly code: string
}

/** The code of a section, by the path in the first line of each block. */
async function blocksOf(page: string, heading: string): Promise<Block[]> {
  const text = `\n${await readFile(page, 'utf8')}`
  const start = text.indexOf(`\n${heading}\n`)
  if (start < 0) throw new Error(`${page} has no section "${heading}".`)
  const rest = text.slice(start + heading.length + 1)
  const end = rest.search(/^#+ /m)
  const section = end < 0 ? rest : rest.slice(0, end)
  return [...section.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, path = '', code = '']) => ({
    path,
    code,
  }))
}

/** Where a page has a recipe. */
export interface Recipe {
  readonly page: string
  /** The sections with its code. */
  readonly headings: readonly string[]
  /** Where the application has the module `sessions.ts`. */
  readonly sessions: string
}

/** The files of a recipe, as printed. */
export async function filesOf({ page, headings, sessions }: Recipe): Promise<Block[]> {
  const sections = await Promise.all(headings.map((heading) => blocksOf(page, heading)))
  const found = new Map(
    sections.flat().map(({ path, code }) => [path === 'sessions.ts' ? sessions : path, code]),
  )
  if (!found.has(sessions)) throw new Error(`${page} has no code for ${sessions}.`)
  return [...found].map(([path, code]) => ({ path, code }))
}
