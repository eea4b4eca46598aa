import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'

const GUIDES = join(import.meta.dirname, '../../docs/guides')

/** A page of the guide, such as `moving/express-session`. */
export function readGuide(page: string): Promise<string> {
  return readFile(join(GUIDES, `${page}.md`), 'utf8')
}

const requireHere = createRequire(import.meta.url)

/** Loads a package that the guide needs. Express depends on an older `cookie` than the guide. */
export function requireOfGuide(name: string): ReturnType<NodeJS.Require> {
  return createRequire(requireHere.resolve(name === 'cookie' ? 'light-my-request' : 'express'))(name)
}

/**
 * The first code of pages of the guide, as CommonJS.
 * @param places `moving` is a page, `moving/supertokens#Clients that stay` a section of one
 */
export async function compileGuide(...places: readonly string[]): Promise<string> {
  const code = await Promise.all(
    places.map(async (place) => {
      const [page = '', section] = place.split('#')
      const text = await readGuide(page)
      const part = section === undefined ? text : text.split(/^## /m).find((each) => each.startsWith(section))
      return /^```ts\n(.*?)^```$/ms.exec(part ?? '')![1]
    }),
  )
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 }
  return ts.transpileModule(code.join('\n'), { compilerOptions }).outputText
}
