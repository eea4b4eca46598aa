// Writes docs/reference/api from the docstrings: a page for each entry of the package.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { Application, Converter, LogLevel, ReflectionKind } from 'typedoc'
import { slugify } from '../docs/.vitepress/markdown.ts'

const OUT = 'docs/reference/api'
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))

/** The source files of the entries. */
const sources = []
/** The name by which users import an entry, by the name that TypeDoc gives it: `pawl/express` by `adapters/express`. */
const names = new Map()
for (const [path, { types }] of Object.entries(exports)) {
  if (types === undefined) continue
  const module = types.replace('./dist/', '').replace('.d.ts', '')
  sources.push(`src/${module}.ts`)
  names.set(module.replace('/index', ''), posix.join('pawl', path))
}

const app = await Application.bootstrapWithPlugins({
  entryPoints: sources,
  outputs: [{ name: 'markdown', path: OUT }],
  plugin: ['typedoc-plugin-markdown'],
  tsconfig: 'docs/.vitepress/tsconfig.api.json',
  // `npm run types` checks them.
  skipErrorChecking: true,
  // Warns of each type of a signature that no entry exports.
  logLevel: LogLevel.Error,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  readme: 'none',
  router: 'module',
  groupOrder: ['Functions', 'Interfaces', 'Type Aliases', 'Variables', 'Classes'],
  entryFileName: 'index',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: 'table',
  propertyMembersFormat: 'table',
  typeDeclarationFormat: 'table',
  sanitizeComments: true,
  useCodeBlocks: true,
  pageTitleTemplates: {
    index: 'API',
    module: ({ name }) => name,
  },
})
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.children) module.name = names.get(module.name)
  // Pawl makes its objects and throws its errors: users call no constructor.
  for (const made of project.getReflectionsByKind(ReflectionKind.Constructor)) project.removeReflection(made)
})

const project = await app.convert()
if (!project) throw new Error('TypeDoc found no project.')
await app.generateOutputs(project)
for (const file of readdirSync(OUT, { recursive: true, encoding: 'utf8' })) {
  if (file.endsWith('.md')) rewrite(join(OUT, file))
}
const problems = docstringProblems()
for (const problem of problems) console.error(problem)
if (problems.length > 0 || app.logger.hasErrors()) process.exitCode = 1

/** The links in docstrings that lead nowhere, and the exports and members without a docstring. */
function docstringProblems() {
  const found = []
  // The docstring of a member covers the fields of its inline type, which TypeDoc calls `__type`.
  app.logger.validationWarning = (text) => text.includes('.__type.') || found.push(text)
  app.options.setValue('validation', { invalidLink: true, notDocumented: true, notExported: false })
  app.validate(project)
  return found
}

/** Mends links of a page to its headings, and makes links of the pages that docstrings name. */
function rewrite(file) {
  // Which member of `SessionsError` an error has too helps nobody.
  const text = readFileSync(file, 'utf8').replace(
    /^#+ (?:Overrides|Inherited from|Implementation of)\n\n.*\n\n?/gm,
    '',
  )
  const headings = readHeadings(text)
  const mended = text
    // TypeDoc writes a heading for each error.
    .replace(/^(#+ Throws)\n\n(?:.+\n)+(?:\n\1\n\n(?:.+\n)+)*/gm, listErrors)
    // TypeDoc numbers `SessionsStats` and `Sessions.stats`, or `sessionsConsole` and `SessionsConsole`, in another order.
    .replace(/\[(`?)(\w+)\1\]\(#[\w-]+\)/g, (link, quote, name) => {
      const named = headings.filter((heading) => heading.name === name)
      return named.length === 1 ? `[${quote}${name}${quote}](#${named[0].id})` : link
    })
    .replace(/\bdocs\/([\w/-]+\.md)\b/g, (_, page) => {
      const [, title] = /^# (.+)$/m.exec(readFileSync(join('docs', page), 'utf8'))
      return `[${title}](${posix.relative(posix.dirname(file), posix.join('docs', page))})`
    })
  writeFileSync(file, mended)
}

/** The errors of a function below one heading, as a list if there are several. */
function listErrors(block, heading) {
  const errors = block
    .split(`${heading}\n\n`)
    .slice(1)
    .map((error) =>
      error
        .trim()
        .replaceAll('\n', ' ')
        .replace(/(?<![`\w])[A-Z]\w*Error\b/g, '`$&`'),
    )
  const list = errors.length === 1 ? errors : errors.map((error) => `- ${error}`)
  return `${heading}\n\n${list.join('\n')}\n`
}

/** The headings of a page, with the ids that the site gives to them. */
function readHeadings(text) {
  const seen = new Set()
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    const slug = slugify(heading)
    let id = slug
    for (let count = 1; seen.has(id); count++) id = `${slug}-${count}`
    seen.add(id)
    return { name: /^\w+/.exec(heading)?.[0], id }
  })
}
