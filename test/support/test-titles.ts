import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** The functions that define a test, and those that define a group of tests. */
const TESTS: ReadonlySet<string> = new Set(['it', 'scenario'])
const GROUPS: ReadonlySet<string> = new Set(['describe', 'describeAdapters'])

/**
 * The title of each test in a file, after the titles of its groups, as they stand in the source: the title of an
 * `it.each` contains its placeholders.
 */
export function readTestTitles(file: string): readonly (readonly string[])[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  const tests: string[][] = []
  function visit(node: ts.Node, groups: readonly string[]): void {
    const name = ts.isCallExpression(node) ? calledName(node) : ''
    const path =
      TESTS.has(name) || GROUPS.has(name) ? [...groups, ...titleOf(node as ts.CallExpression)] : groups
    if (TESTS.has(name) && path.length > groups.length) tests.push([...path])
    ts.forEachChild(node, (child) => visit(child, path))
  }
  visit(source, [])
  return tests
}

/** `it` for `it(…)`, and for both calls in `it.each(…)(…)`. */
function calledName({ expression }: ts.CallExpression): string {
  let callee: ts.Node = expression
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression
  return ts.isIdentifier(callee) ? callee.text : ''
}

/** Empty for `it.each(…)` alone. `scenario(name, behavior, …)` has the title `name: behavior`. */
function titleOf({ arguments: given }: ts.CallExpression): string[] {
  const texts = given.filter((argument) => ts.isStringLiteralLike(argument)).map(({ text }) => text)
  return texts.length === 0 ? [] : [texts.join(': ')]
}
