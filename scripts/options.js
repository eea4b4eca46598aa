// Writes what follows from the option tables: the TypeScript interfaces and the option tables of the documentation.
//   npm run options              writes the files
//   npm run options -- --check   fails if a file differs from what this script would write
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { CONSOLE_OPTIONS } from '../src/console/option-table.ts'
import { SESSIONS_OPTIONS } from '../src/core/options/option-table.ts'
import { HTTP_OPTIONS, REQUIRE_OPTIONS } from '../src/http/options/option-table.ts'
import { POSTGRES_OPTIONS } from '../src/postgres/option-table.ts'
import { SUPERTOKENS_OPTIONS } from '../src/supertokens/option-table.ts'
import { VERIFIER_OPTIONS } from '../src/verify/option-table.ts'

const FUNCTIONS = {
  createSessions: {
    source: 'src/core/options/option-table.ts',
    variable: 'SESSIONS_OPTIONS',
    table: SESSIONS_OPTIONS,
    target: 'src/core/options/sessions-options.ts',
    imports: `
      import type { ClaimsObject } from '../../portable/claims.ts'
      import type { StandardSchemaV1 } from '../../portable/standard-schema.ts'
      import type { ProvidedKeySource, ProvidedSigningKeys } from '../keys/provided-keys.ts'
      import type { ProvidedKey } from '../keys/signing-key.ts'
      import type { Logger } from '../observability/logger.ts'
      import type { Telemetry } from '../observability/telemetry.ts'
      import type { WaitUntil } from '../on-demand.ts'
      import type { ClaimsRefresh } from '../refresh/claims-refresh.ts'
      import type { RefreshAttempt } from '../refresh/refresh-attempt.ts'
      import type { Store } from '../store.ts'`,
    name: 'SessionsOptions',
    generics: '<Claims extends object = ClaimsObject, Data = unknown>',
    about: 'The options of {@link createSessions}. Every duration is in seconds.',
    groups: {
      accessToken: 'AccessTokenOptions',
      rotation: 'RotationOptions',
      revocation: 'RevocationOptions',
      keys: 'KeyOptions',
      limits: 'LimitOptions',
      privacy: 'PrivacyOptions',
    },
    resolved: {
      claims: 'StandardSchemaV1<unknown, unknown>',
      data: 'StandardSchemaV1<unknown, unknown>',
      refreshClaims: '(session: ClaimsRefresh) => ClaimsObject | null | Promise<ClaimsObject | null>',
      provided: 'ProvidedSigningKeys | ProvidedKeySource',
      serverless: '{ readonly waitUntil: WaitUntil | null }',
    },
    page: 'docs/reference/options.md',
  },
  adapters: {
    source: 'src/http/options/option-table.ts',
    variable: 'HTTP_OPTIONS',
    table: HTTP_OPTIONS,
    target: 'src/http/options/http-options.ts',
    imports: `
      import type { Protocol } from '../protocol.ts'`,
    name: 'HttpOptions',
    about: 'The options of every adapter. All of them are optional.',
    resolved: { cron: 'string' },
    groups: { cookies: 'CookieOptions' },
    page: 'docs/reference/options.md',
  },
  requireSession: {
    source: 'src/http/options/option-table.ts',
    variable: 'REQUIRE_OPTIONS',
    table: REQUIRE_OPTIONS,
    target: 'src/http/options/require-options.ts',
    name: 'RequireOptions',
    about: 'The requirements of a route. All of them are optional. Every duration is in seconds.',
    page: 'docs/reference/options.md',
  },
  supertokens: {
    source: 'src/supertokens/option-table.ts',
    variable: 'SUPERTOKENS_OPTIONS',
    table: SUPERTOKENS_OPTIONS,
    target: 'src/supertokens/supertokens-options.ts',
    name: 'SupertokensOptions',
    about: 'The options of {@link supertokens}. All of them are optional.',
    page: 'docs/guides/supertokens.md',
  },
  postgres: {
    source: 'src/postgres/option-table.ts',
    variable: 'POSTGRES_OPTIONS',
    table: POSTGRES_OPTIONS,
    target: 'src/postgres/postgres-options.ts',
    imports: `
      import type { SessionIdVersion } from '../portable/session-id.ts'
      import type { PoolLike } from './drivers/pg-pool.ts'
      import type { PGliteLike } from './drivers/pglite.ts'
      import type { SqlFunction } from './drivers/sql.ts'
      import type { ListenConfig } from './listen-config.ts'`,
    name: 'PostgresOptions',
    about: 'The options of {@link postgres}. Give one of `pool`, `connectionString`, `sql` and `pglite`.',
    resolved: {
      audit: '{ readonly retention: number | null }',
      connectionString: 'string',
      listen: 'boolean | string | ListenConfig',
    },
    page: 'docs/reference/options.md',
  },
  sessionsConsole: {
    source: 'src/console/option-table.ts',
    variable: 'CONSOLE_OPTIONS',
    table: CONSOLE_OPTIONS,
    target: 'src/console/console-options.ts',
    imports: `
      import type { IncomingMessage } from 'node:http'
      import type { Session } from '../core/session/session.ts'
      import type { ClaimsObject } from '../portable/claims.ts'
      import type { ConsoleAccess } from './access.ts'
      import type { RedactedSession } from './view.ts'`,
    name: 'ConsoleOptions',
    generics:
      '<Incoming = IncomingMessage, Claims extends object = ClaimsObject, Data = unknown, Context = undefined>',
    about: 'The options of {@link sessionsConsole}.',
    resolved: {
      authorize: '(request: never, context: never) => unknown',
      redact: '(session: Session) => RedactedSession | PromiseLike<RedactedSession>',
    },
    page: 'docs/operate/console.md',
  },
  createVerifier: {
    source: 'src/verify/option-table.ts',
    variable: 'VERIFIER_OPTIONS',
    table: VERIFIER_OPTIONS,
    target: 'src/verify/verifier-options.ts',
    imports: `
      import type { Fetch } from './get.ts'
      import type { JsonWebKeySet } from './keys.ts'`,
    name: 'VerifierOptions',
    about: 'The options of {@link createVerifier}. Every duration is in seconds.',
    resolved: { jwks: 'string | JsonWebKeySet', revocations: 'string' },
    page: 'docs/guides/verify.md',
  },
}

/** @returns the entries of a table, each with its name and what the comment in the source file says about it */
function readTable({ source, variable, table }) {
  const file = ts.createSourceFile(source, readFileSync(source, 'utf8'), ts.ScriptTarget.Latest, true)
  const declaration = file.statements
    .flatMap((statement) => statement.declarationList?.declarations ?? [])
    .find((candidate) => candidate.name.text === variable)
  return readEntries(table, declaration.initializer)
}

function readEntries(table, literal) {
  return literal.properties.map((property) => {
    const name = property.name.text
    const { value, ...option } = table[name]
    const [comment] = ts.getJSDocCommentsAndTags(property)
    if (comment === undefined) throw new Error(`The option ${name} needs a comment.`)
    const tags = Object.fromEntries((comment.tags ?? []).map((tag) => [tag.tagName.text, tag]))
    return {
      ...option,
      name,
      takes: value.takes,
      meaning: oneLine(comment.comment),
      type: tags.type?.typeExpression.type.getText() ?? typeOf(value.takes),
      defaultText: tags.defaultValue && oneLine(tags.defaultValue.comment),
      group: value.group && readEntries(value.group, property.initializer.arguments[0]),
    }
  })
}

const oneLine = (comment) => ts.getTextOfJSDocComment(comment).replaceAll(/\s+/g, ' ').trim()

/** @returns the TypeScript type of a value, from the words that say what it takes */
function typeOf(takes) {
  if (takes.endsWith(', or null')) return `${typeOf(takes.slice(0, -', or null'.length))} | null`
  if (/ (?:seconds|bytes)$|^a whole number/.test(takes)) return 'number'
  if (takes === 'true or false') return 'boolean'
  if (takes.startsWith("'")) return takes.match(/'[^']*'/g).join(' | ')
  return 'string'
}

/** @returns the text of the file with the interfaces of one function's options */
function interfaceFile(
  { source, imports = '', name, generics = '', about, groups = {}, resolved = {} },
  entries,
) {
  return formatted(`
    // \`npm run options\` writes this file from ./${source.split('/').at(-1)}. Change that file instead.
    ${imports}

    /** ${about} */
    export interface ${name}${generics} {
      ${fields(entries, groups)}
    }
    ${entries
      .filter(({ group }) => group)
      .map(
        (entry) =>
          `/** ${entry.meaning} */\nexport interface ${groups[entry.name]} {\n${fields(entry.group)}\n}`,
      )
      .join('\n\n')}

    /** {@link ${name}}, checked and complete. Durations are in milliseconds. */
    export interface Resolved${name} ${resolvedType(entries, resolved)}`)
}

function fields(entries, groups = {}) {
  return entries
    .map((entry) => {
      const type = entry.group ? groups[entry.name] : entry.type
      return `${docstring(entry)}\nreadonly ${entry.name}${entry.required ? '' : '?'}: ${type}`
    })
    .join('\n')
}

function docstring(entry) {
  const lines = [entry.meaning]
  if (entry.internal) lines.push('@internal')
  else if (!entry.group) {
    if (saysMore(entry)) lines.push(`Takes ${entry.takes}.`)
    const text = defaultOf(entry)
    if (text !== 'required' && text !== 'none') lines.push(`@defaultValue ${text.replaceAll('`', '')}`)
  }
  const [first, ...rest] = lines.flatMap((line) => wrapped(line, 110))
  if (rest.length === 0) return `/** ${first} */`
  return `/**\n${[first, ...rest].map((line) => ` * ${line}`).join('\n')}\n */`
}

/** Whether the words for a value say more than its TypeScript type. */
const saysMore = ({ type }) => /^(?:number|string(?: \| undefined)?$|readonly)/.test(type)

function resolvedType(entries, resolved) {
  const lines = entries.map(({ name, group, required, type, ...entry }) => {
    if (group) return `readonly ${name}: ${resolvedType(group, resolved)}`
    const found = resolved[name] ?? type
    const isNullable = !required && entry.default === undefined
    return `readonly ${name}: ${isNullable ? `${found.includes('=>') ? `(${found})` : found} | null` : found}`
  })
  return `{\n${lines.join('\n')}\n}`
}

/** @returns a page with the option tables of these functions written anew */
function documentation(page, functions) {
  return functions.reduce(
    (text, [name, entries]) => {
      const [begin, end] = [`<!-- options: ${name} -->`, `<!-- /options: ${name} -->`]
      const [from, to] = [text.indexOf(begin), text.indexOf(end)]
      if (from < 0 || to < from) throw new Error(`${page} lacks the markers ${begin} and ${end}.`)
      return `${text.slice(0, from + begin.length)}\n\n${linked(markdown(entries), page)}\n\n${text.slice(to)}`
    },
    readFileSync(page, 'utf8'),
  )
}

/** @returns the text with `(docs/…)` as links of a page, under the titles of the pages that they lead to */
function linked(text, page) {
  return text.replaceAll(/\((docs\/\S+\.md)\)/g, (_, file) => {
    const [, title] = /^title: (.+)$/m.exec(readFileSync(file, 'utf8'))
    return `([${title}](${relative(dirname(page), file)}))`
  })
}

function markdown(entries) {
  const groups = entries.filter(({ group }) => group)
  return [
    markdownTable(entries.filter(({ group }) => !group)),
    ...groups.map(
      ({ name, meaning, group }) => `**\`${name}\`** ${meaning}\n\n${markdownTable(group, `${name}.`)}`,
    ),
  ].join('\n\n')
}

function markdownTable(entries, prefix = '') {
  const rows = entries
    .filter(({ internal }) => !internal)
    .map((entry) => [
      `\`${prefix}${entry.name}\``,
      entry.meaning,
      entry.takes.replaceAll(/'[^']*'/g, '`$&`'),
      defaultOf(entry),
    ])
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  return ['| option | meaning | takes | default |', '|---|---|---|---|', ...rows].join('\n')
}

function defaultOf({ required, takes, defaultText, default: value }) {
  if (required) return 'required'
  if (defaultText !== undefined) return defaultText
  if (value === undefined) return 'none'
  if (typeof value === 'string') return `\`'${value}'\``
  if (typeof value !== 'number') return `\`${JSON.stringify(value)}\``
  const number = value.toLocaleString('en-US')
  const words = / seconds/.test(takes) ? duration(value) : / bytes/.test(takes) ? mebibytes(value) : ''
  return words === '' ? number : `${number} (${words})`
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

function duration(seconds) {
  const [unit, length] = UNITS.find(([, size]) => seconds > 0 && seconds % size === 0) ?? []
  return unit === undefined ? '' : `${seconds / length} ${unit}${seconds === length ? '' : 's'}`
}

const mebibytes = (bytes) => (bytes > 0 && bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : '')

function wrapped(text, width) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (`${lines.at(-1)} ${word}`.length > width) lines.push(word)
    else lines[lines.length - 1] = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`
  }
  return lines
}

function formatted(text) {
  return execFileSync('node_modules/.bin/biome', ['format', '--stdin-file-path=options.ts'], {
    input: text,
    encoding: 'utf8',
  })
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const entriesOf = Object.fromEntries(Object.entries(FUNCTIONS).map(([name, of]) => [name, readTable(of)]))
const pages = [...new Set(Object.values(FUNCTIONS).map(({ page }) => page))]
const files = [
  ...Object.entries(FUNCTIONS).map(([name, of]) => [of.target, interfaceFile(of, entriesOf[name])]),
  ...pages.map((page) => [
    page,
    documentation(
      page,
      Object.entries(entriesOf).filter(([name]) => FUNCTIONS[name].page === page),
    ),
  ]),
]
const outdated = files.filter(([file, text]) => values.check && readFileSync(file, 'utf8') !== text)
if (!values.check) for (const [file, text] of files) writeFileSync(file, text)
if (outdated.length > 0) {
  console.error(
    `Outdated: ${outdated.map(([file]) => file).join(', ')}. Run \`npm run options\` and commit the result.`,
  )
  process.exitCode = 1
}
