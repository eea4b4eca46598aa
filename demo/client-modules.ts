import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RequestHandler, Router } from 'express'
import ts from 'typescript'

const SOURCES = join(import.meta.dirname, '../src')

/** Serves `pawl/client` to the demo's pages without a bundler. An application imports the package. */
export function clientModules(): Router {
  const router = Router()
  const modules = new Map<string, Promise<string>>()

  const serve: RequestHandler = async (req, res, next) => {
    const path = req.path.slice(1).replace(/js$/, 'ts')
    if (!/^(client|client\/bind|wire)\/[a-z-]+\.ts$/.test(path)) return next()
    let found = modules.get(path)
    if (found === undefined) {
      found = transpile(path)
      modules.set(path, found)
    }
    res.type('text/javascript').send(await found)
  }

  router.get(/\.js$/, serve)
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
