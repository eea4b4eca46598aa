// A module loader. It compiles TypeScript and inserts `recordCall(file, name)` at the start of each function of src/.
import { readFile } from 'node:fs/promises'
import ts from 'typescript'

const SRC = new URL('../../src/', import.meta.url).href
const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
}
const CALLBACK = ' (callback)'
const { factory } = ts

/** The hook of Node.js that loads a module. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context)
  const before = url.startsWith(SRC) ? [insertCalls(url.slice(SRC.length))] : []
  const { outputText } = ts.transpileModule(await readFile(new URL(url), 'utf8'), {
    compilerOptions,
    transformers: { before },
  })
  return { format: 'module', source: outputText, shortCircuit: true }
}

/** A transformer of the compiler for one file. */
function insertCalls(file) {
  return (context) => {
    function visit(node, parent, outer) {
      const name = nameOf(node, parent, outer)
      const visited = ts.visitEachChild(node, (child) => visit(child, node, name), context)
      if (!runsInCall(node, parent)) return visited
      const call = factory.createCallExpression(factory.createIdentifier('recordCall'), undefined, [
        factory.createStringLiteral(file),
        factory.createStringLiteral(name),
      ])
      if (ts.isBlock(visited))
        return factory.updateBlock(visited, [factory.createExpressionStatement(call), ...visited.statements])
      return factory.createParenthesizedExpression(factory.createComma(call, visited))
    }
    return (source) => visit(source, undefined, 'anonymous')
  }
}

/** Whether a node is the body of a function, or the initial value of a field, which a constructor runs. */
function runsInCall(node, parent) {
  if (parent === undefined) return false
  if (ts.isPropertyDeclaration(parent)) return node === parent.initializer && !ts.isStatic(parent)
  return ts.isFunctionLike(parent) && node === parent.body
}

/** A function without a name takes that of its variable or property, or of the outer function. */
function nameOf(node, parent, outer) {
  const isClass = ts.isClassLike(node)
  if ((!isClass && !ts.isFunctionLike(node)) || ts.isConstructorDeclaration(node)) return outer
  const own = node.name?.text ?? parent.name?.text
  if (own === undefined) return isClass || outer.endsWith(CALLBACK) ? outer : outer + CALLBACK
  return ts.isClassLike(parent) ? `${outer}.${own}` : own
}
