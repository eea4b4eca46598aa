import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** A fenced block of code. */
export interface Block {
  readonly page: string
  /** The line of the page on which its code begins. */
  readonly line: number
  readonly language: string
  readonly code: string
}

export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8')
  return [...text.matchAll(/^( *)```(\w+)[^\n]*\n(.*?)^\1```$/gms)].map((match) => {
    const [, indent = '', language = '', code = ''] = match
    return {
      page,
      line: text.slice(0, match.index).split('\n').length + 1,
      language,
      code: indent === '' ? code : code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }
  })
}

/** What a module takes from elsewhere, by name: the statement that gives it. */
type Names = Map<string, string>

/**
 * The TypeScript of a page as modules. A sample may use what its page is given, what an earlier sample of the page declares or
 * imports, as a reader does, and what every reader has.
 */
export function modulesOf(page: string, given = '', shared = ''): Map<string, string> {
  const modules = new Map<string, string>()
  const earlier: Names = new Map()
  const sources = [namesOf(parse(given)), earlier, namesOf(parse(shared))]
  for (const block of blocksOf(page)) {
    if (block.language !== 'ts' && block.language !== 'tsx') continue
    const code = completed(block.code)
    const file = parse(code)
    const own = declarationsOf(file)
    const lines = new Set<string>()
    const need = (name: string): void => {
      const statement = own.has(name) ? undefined : sources.find((names) => names.has(name))?.get(name)
      if (statement === undefined || lines.has(statement)) return
      lines.add(statement)
      if (!statement.startsWith('import ')) for (const used of identifiersOf(parse(statement))) need(used)
    }
    for (const name of identifiersOf(file)) need(name)
    const name = `${page
      .replace(/^docs\//, '')
      .slice(0, -'.md'.length)
      .replaceAll('/', '.')}.${block.line}`
    modules.set(`${name}.tsx`, `${[...lines].join('\n')}\n${code}\n${exportAll(own)}`)
    for (const [declared, kind] of own) {
      if (kind === 'import') continue
      earlier.set(
        declared,
        `import { ${kind.endsWith('type') ? 'type ' : ''}${declared} } from './${name}.tsx'`,
      )
    }
    for (const [imported, statement] of namesOf(file, ts.isImportDeclaration))
      if (!(imported in globalThis)) earlier.set(imported, statement)
  }
  return modules
}

/** The code of a sample as a whole module. */
function completed(sample: string): string {
  const code = sample
    .replaceAll(/(?<=\) (?:=> )?)\{ … \}/g, '{ throw placeholder }')
    .replaceAll('{ … }', 'placeholder')
    .replaceAll(/^ *…$/gm, '')
    // Another file of the reader: an earlier sample of the page, or its context.
    .replaceAll(/^import [^'"]* from '(?:@\/|\.\.?\/)[^']*'$/gm, '')
    .replaceAll(/^ *const \{[^}]*\} = await import\('(?:@\/|\.\.?\/)[^']*'\)$/gm, '')
    .replaceAll(/import\('(?:@\/|\.\.?\/)[^']*'\)\./g, '')
  const members = `class Members extends Given {\n${code}}\n`
  return isWhole(code) || !isWhole(members) ? code : members
}

function isWhole(code: string): boolean {
  return syntaxErrors(parse(code)).length === 0
}

/** What the parser has found: a property of `ts.SourceFile` that its types hide. */
export function syntaxErrors(file: ts.SourceFile): readonly ts.DiagnosticWithLocation[] {
  return (file as unknown as { parseDiagnostics: ts.DiagnosticWithLocation[] }).parseDiagnostics
}

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('sample.tsx', code, ts.ScriptTarget.Latest, true)
}

/** The statement of each name. An import of many names becomes one import for each. */
function namesOf(file: ts.SourceFile, wanted: (node: ts.Node) => boolean = () => true): Names {
  const names: Names = new Map()
  for (const statement of file.statements.filter(wanted)) {
    if (ts.isImportDeclaration(statement)) {
      const from = statement.moduleSpecifier.getText()
      const { name, namedBindings, phaseModifier } = statement.importClause ?? {}
      const type = phaseModifier === ts.SyntaxKind.TypeKeyword ? 'type ' : ''
      if (name) names.set(name.text, `import ${type}${name.text} from ${from}`)
      if (namedBindings && ts.isNamespaceImport(namedBindings))
        names.set(namedBindings.name.text, statement.getText())
      else
        for (const element of namedBindings?.elements ?? [])
          names.set(element.name.text, `import ${type}{ ${element.getText()} } from ${from}`)
    } else for (const name of declaredBy(statement).keys()) names.set(name, statement.getText())
  }
  return names
}

type Kind = 'value' | 'type' | 'import' | 'exported' | 'exported type'

function declarationsOf(file: ts.SourceFile): Map<string, Kind> {
  const names = new Map<string, Kind>()
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement))
      for (const name of namesOf(file, (node) => node === statement).keys()) names.set(name, 'import')
    for (const [name, kind] of declaredBy(statement)) names.set(name, kind)
  }
  return names
}

function declaredBy(statement: ts.Statement): Map<string, Kind> {
  const exported =
    ts.canHaveModifiers(statement) &&
    statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  const kind = exported ? 'exported' : 'value'
  if (ts.isVariableStatement(statement))
    return new Map(
      statement.declarationList.declarations.flatMap(({ name }) => bound(name)).map((name) => [name, kind]),
    )
  if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
    return new Map([[statement.name.text, exported ? 'exported type' : 'type']])
  if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name)
    return new Map([[statement.name.text, kind]])
  return new Map()
}

function bound(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : bound(element.name)))
}

function identifiersOf(file: ts.SourceFile): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return names
}

function exportAll(own: ReadonlyMap<string, Kind>): string {
  const named = (wanted: Kind): string =>
    [...own]
      .filter(([, kind]) => kind === wanted)
      .map(([name]) => name)
      .join(', ')
  return `export { ${named('value')} }\nexport type { ${named('type')} }\n`
}
