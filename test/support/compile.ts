import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'

/** Native modules that no package of the repository has. */
const NATIVE = ['examples/expo/modules.d.ts', 'test/support/keychain.d.ts']
const FOLDER: string = resolve('src/.samples')
const client = (name: string): string[] => [`./src/client/${name}.ts`]
/** Entries whose folder has not their name; `tsconfig.json` has the others. */
const ENTRIES: Readonly<Record<string, string[]>> = {
  'pawl/console': ['./src/console/index.ts'],
  'pawl/memory': ['./src/memory/index.ts'],
  'pawl/otel': ['./src/otel/index.ts'],
  'pawl/supertokens': ['./src/supertokens/index.ts'],
  'pawl/client/axios': client('attach-axios'),
  'pawl/client/bind': client('bind/index'),
  'pawl/client/native': client('native/index'),
  'pawl/client/xhr': client('attach-xhr'),
  'pawl/react': client('react/index'),
}

/** Type-checks modules that exist in memory, by their name. @returns the errors, each with its module and code */
export function compile(modules: ReadonlyMap<string, string>, ambient: readonly string[] = []): string[] {
  const files = new Map([...modules].map(([name, text]) => [join(FOLDER, name), text]))
  const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent(
    {
      ...config,
      compilerOptions: {
        ...config.compilerOptions,
        // What most applications have.
        module: 'esnext',
        moduleResolution: 'bundler',
        exactOptionalPropertyTypes: false,
        allowImportingTsExtensions: true,
        lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable'],
        jsx: 'react-jsx',
        experimentalDecorators: true,
        noUnusedLocals: false,
        noUnusedParameters: false,
        isolatedDeclarations: false,
        erasableSyntaxOnly: false,
        declaration: false,
        paths: { ...ENTRIES, ...config.compilerOptions.paths },
      },
    },
    ts.sys,
    process.cwd(),
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile, directoryExists } = host
  const folders = new Set([...files.keys()].map(dirname))
  host.directoryExists = (path) => folders.has(path) || directoryExists!(path)
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(path, text, version)
  }
  const program = ts.createProgram(
    [...files.keys(), ...[...NATIVE, ...ambient].map((path) => resolve(path))],
    options,
    host,
  )
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)!
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map(({ messageText, start = 0 }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, ' ')
      const code = source.text.slice(start, start + 60).split('\n')[0]
      return `${path.slice(FOLDER.length + 1)}: ${message} at ${code}`
    })
  })
}
