import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RequestHandler, Router } from 'express'
import ts from 'typescript'

const SOURCES = join(import.meta.dirname, '../src')

/** Serves `pawl/client` to the demo's pages without a bundler. An application imports the package. */
export function clientModules(): Router {
  const router = Router()
  const modules = new Map<string, Promise<string>>()

  const serve: RequestHandler<{ folder: string; name: string }> = async (req, res, next) => {
    const { folder, name } = req.params
    if (!/^[a-z-]+$/.test(name) || !['client', 'wire'].includes(folder)) return next()
    const path = `${folder}/${name}.ts`
    let found = modules.get(path)
    if (found === undefined) {
      found = transpile(path)
      modules.set(path, found)
    }
    res.type('text/javascript').send(await found)
  }

  router.get('/:folder/:name.js', serve)
  return router
}

async function transpile(path: string): Promise<string> {
  const text = await readFile(join(SOURCES, path), 'utf8')
  return ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    },
  }).outputText
}
