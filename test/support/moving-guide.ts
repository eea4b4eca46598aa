import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'

export const GUIDE: string = join(import.meta.dirname, '../../docs/guides/moving.md')

/** The first code of each section or subsection of docs/guides/moving.md, as CommonJS. */
export async function compileGuide(...sections: readonly string[]): Promise<string> {
  const parts = (await readFile(GUIDE, 'utf8')).split(/^###? /m)
  const code = sections.map((section) => {
    const text = parts.find((part) => part.startsWith(section))
    return /^```ts\n(.*?)^```$/ms.exec(text ?? '')![1]
  })
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 }
  return ts.transpileModule(code.join('\n'), { compilerOptions }).outputText
}
