// Writes what follows from the option tables: the TypeScript interfaces and the option tables of the documentation.
//   npm run options              writes the files
//   npm run options -- --check   fails if a file is not what this script would write
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { SESSIONS_OPTIONS } from '../src/core/options/table.ts'
import { HTTP_OPTIONS, REQUIRE_OPTIONS } from '../src/http/option-table.ts'
import { isGroup, leastText } from '../src/portable/options/table.ts'
import { POSTGRES_OPTIONS } from '../src/postgres/option-table.ts'
import { VERIFIER_OPTIONS } from '../src/verify/option-table.ts'

const FILES = [
  {
    file: 'src/core/options/sessions-options.ts',
    table: './table.ts',
    imports: `
import type { ClaimsObject } from '../../portable/claims.ts'
import type { StandardSchemaV1 } from '../../portable/standard-schema.ts'
import type { ProvidedKey, SigningKey } from '../keys/signing-key.ts'
import type { Logger } from '../observability/logger.ts'
import type { Telemetry } from '../observability/telemetry.ts'
import type { Store } from '../store.ts'
import type { RefreshAttempt } from './refresh-attempt.ts'
`,
    interfaces: [
      {
        name: 'SessionsOptions',
        generics: '<Claims extends object = ClaimsObject, Data = unknown>',
        about: 'What {@link createSessions} takes. Every duration is in seconds.',
        options: SESSIONS_OPTIONS,
      },
    ],
  },
  {
    file: 'src/http/http-options.ts',
    table: './option-table.ts',
    imports: '',
    interfaces: [
      {
        name: 'HttpOptions',
        about: 'What every adapter takes. All of it is optional.',
        options: HTTP_OPTIONS,
      },
      { name: 'RequireOptions', about: 'What a route requires of a request.', options: REQUIRE_OPTIONS },
    ],
  },
  {
    file: 'src/postgres/postgres-options.ts',
    table: './option-table.ts',
    imports: `
import type { SessionIdVersion } from '../portable/session-id.ts'
import type { PoolLike } from './connection.ts'
`,
    interfaces: [
      {
        name: 'PostgresOptions',
        about: 'What {@link postgres} takes: your pool, or how to connect.',
        options: POSTGRES_OPTIONS,
      },
    ],
  },
  {
    file: 'src/verify/verifier-options.ts',
    table: './option-table.ts',
    imports: `
import type { Fetch } from './get.ts'
import type { JsonWebKeySet } from './keys.ts'
`,
    interfaces: [
      {
        name: 'VerifierOptions',
        about: 'What {@link createVerifier} takes. Every duration is in seconds.',
        options: VERIFIER_OPTIONS,
      },
    ],
  },
]

const PAGES = {
  'docs/configuration.md': {
    createSessions: SESSIONS_OPTIONS,
    postgres: POSTGRES_OPTIONS,
    adapters: HTTP_OPTIONS,
    requireSession: REQUIRE_OPTIONS,
  },
  'docs/verify.md': { createVerifier: VERIFIER_OPTIONS },
}

/** @returns the text of one interface file */
function interfaceFile({ table, imports, interfaces }) {
  const parts = [
    `// \`npm run options\` writes this file from ${table}. Change that file instead.`,
    imports.trim(),
  ]
  for (const { name, generics = '', about, options } of interfaces) {
    parts.push(`/** ${about} */\nexport interface ${name}${generics} {\n${fields(options)}\n}`)
    for (const entry of Object.values(options)) {
      if (isGroup(entry))
        parts.push(`/** ${entry.meaning} */\nexport interface ${entry.type} {\n${fields(entry.options)}\n}`)
    }
    parts.push(
      `/** {@link ${name}}, checked and complete. Durations are in milliseconds. */\nexport interface Resolved${name} ${resolved(options)}`,
    )
  }
  return formatted(`${parts.filter(Boolean).join('\n\n')}\n`)
}

/** @returns the fields of an interface, each with its docstring */
function fields(options) {
  return Object.entries(options)
    .map(([name, entry]) => {
      const optional = entry.required ? '' : '?'
      return `${docstring(entry)}\nreadonly ${name}${optional}: ${isGroup(entry) ? entry.type : entry.value.type}`
    })
    .join('\n')
}

function docstring(entry) {
  const lines = [entry.meaning]
  if (entry.internal) lines.push('@internal')
  else if (!isGroup(entry)) {
    if (saysMore(entry.value)) lines.push(`Takes ${takesOf(entry)}.`)
    const text = defaultOf(entry)
    if (text !== 'required' && text !== 'none') lines.push(`@defaultValue ${text.replaceAll('`', '')}`)
  }
  const [first, ...rest] = lines.flatMap((line) => wrapped(line, 110))
  if (rest.length === 0) return `/** ${first} */`
  return `/**\n${[first, ...rest].map((line) => ` * ${line}`).join('\n')}\n */`
}

/** @returns the type of a resolved table */
function resolved(options) {
  const lines = Object.entries(options).map(([name, entry]) => {
    if (isGroup(entry)) return `readonly ${name}: ${resolved(entry.options)}`
    const type = entry.value.resolvedType ?? entry.value.type
    const nullable = !entry.required && entry.default === undefined
    return `readonly ${name}: ${nullable ? `${type.includes('=>') ? `(${type})` : type} | null` : type}`
  })
  return `{\n${lines.join('\n')}\n}`
}

/** @returns a page of the documentation with its tables written anew */
function documentation(file, documented) {
  let page = readFileSync(file, 'utf8')
  for (const [name, table] of Object.entries(documented)) {
    const [begin, end] = [`<!-- options: ${name} -->`, `<!-- /options: ${name} -->`]
    const [from, to] = [page.indexOf(begin), page.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`${file} lacks the markers ${begin} and ${end}.`)
    page = `${page.slice(0, from + begin.length)}\n\n${tables(table)}\n\n${page.slice(to)}`
  }
  return page
}

function tables(table) {
  const groups = Object.entries(table).filter(([, entry]) => isGroup(entry))
  return [
    markdownTable(Object.entries(table).filter(([, entry]) => !isGroup(entry) && !entry.internal)),
    ...groups.map(
      ([group, { meaning, options }]) =>
        `**\`${group}\`** ${meaning}\n\n${markdownTable(Object.entries(options), `${group}.`)}`,
    ),
  ].join('\n\n')
}

function markdownTable(entries, prefix = '') {
  const rows = entries.map(([name, entry]) =>
    [`\`${prefix}${name}\``, entry.meaning, takesOf(entry).replaceAll(/'[^']*'/g, '`$&`'), defaultOf(entry)]
      .map(escaped)
      .join(' | '),
  )
  return [
    '| option | meaning | takes | default |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n')
}

const escaped = (cell) => cell.replaceAll('|', '\\|')

function takesOf(entry) {
  const least = leastText(entry)
  return least === '' ? entry.value.takes : `${entry.value.takes}, at least ${least}`
}

/** Whether a value's description says more than its TypeScript type. */
const saysMore = ({ type }) => /^(?:number|string$|readonly)/.test(type)

function defaultOf({ required, value, atLeast, defaultText, ...entry }) {
  if (required) return 'required'
  if (defaultText !== undefined) return defaultText
  if (entry.default === undefined) return 'none'
  const text = Array.isArray(entry.default) ? '[]' : literal(entry.default, value.takes)
  return atLeast === undefined ? text : `${text}, or ${leastText({ atLeast })} if that is longer`
}

function literal(value, takes) {
  if (typeof value === 'string') return `\`'${value}'\``
  if (typeof value !== 'number') return `\`${value}\``
  const number = value.toLocaleString('en-US')
  const text = / seconds/.test(takes) ? duration(value) : / bytes/.test(takes) ? amount(value) : ''
  return text === '' ? number : `${number} (${text})`
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

function duration(value) {
  const [unit, length] = UNITS.find(([, seconds]) => value % seconds === 0 && value > 0) ?? []
  if (unit === undefined) return ''
  return `${value / length} ${unit}${value === length ? '' : 's'}`
}

const amount = (value) => (value % 2 ** 20 === 0 && value > 0 ? `${value / 2 ** 20} MiB` : '')

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
const outdated = []
const written = [
  ...FILES.map((entry) => [entry.file, interfaceFile(entry)]),
  ...Object.entries(PAGES).map(([file, tables]) => [file, documentation(file, tables)]),
]
for (const [file, text] of written) {
  if (!values.check) writeFileSync(file, text)
  else if (readFileSync(file, 'utf8') !== text) outdated.push(file)
}
if (outdated.length > 0) {
  console.error(`Outdated: ${outdated.join(', ')}. Run \`npm run options\` and commit the result.`)
  process.exitCode = 1
}
