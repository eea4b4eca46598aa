import { parseArgs } from 'node:util'
import type { Command, Flags, Option } from '../command.ts'
import { UsageError } from './errors.ts'
import { closest } from './suggest.ts'
import { quoted } from './text.ts'

/** Options that every command takes. */
export const COMMON: Readonly<Record<string, Option>> = {
  json: { help: 'Print one JSON document.' },
  help: { help: 'Show this help.' },
}

/** Options of every command that needs a database. */
export const CONNECTION: Readonly<Record<string, Option>> = {
  url: { value: 'url', help: 'PostgreSQL URL. Default: the environment variable DATABASE_URL.' },
  schema: { value: 'name', help: "Schema of Pawl's tables. Default: pawl." },
}

/** What the command line asks for. */
export type Asked =
  | { readonly what: 'version' }
  /** Help with everything that begins with `about`. */
  | { readonly what: 'help'; readonly about: string }
  | {
      readonly what: 'run'
      readonly command: Command
      readonly given: readonly string[]
      readonly flags: Flags
    }

/** All options a command takes. */
export function optionsOf(command: Command): Readonly<Record<string, Option>> {
  return { ...command.options, ...(command.connects ? CONNECTION : {}), ...COMMON }
}

/** @throws UsageError saying what is wrong, and what was probably meant */
export function parse(argv: readonly string[], commands: readonly Command[]): Asked {
  const all: Readonly<Record<string, Option>> = Object.assign(
    { version: { help: '' } },
    ...commands.map(optionsOf),
  )
  // Not strict, so that the messages are ours: the parser's repeat what was given, which may be a password.
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      ...Object.fromEntries(
        Object.entries(all).map(([name, { value }]) => [
          name,
          { type: value === undefined ? ('boolean' as const) : ('string' as const) },
        ]),
      ),
      help: { type: 'boolean', short: 'h' },
    },
  })
  const words: string[] = []
  const values = new Map<string, string | true>()
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    const option = Object.hasOwn(all, name) ? all[name] : undefined
    if (option === undefined)
      throw unknown(
        'option',
        rawName,
        Object.keys(all).map((known) => `--${known}`),
      )
    if (values.has(name)) throw new UsageError(`${rawName} is given twice`)
    if (option.value === undefined && value !== undefined) throw new UsageError(`${rawName} takes no value`)
    if (option.value !== undefined && (value === undefined || (!inlineValue && value.startsWith('-')))) {
      throw new UsageError(`${rawName} takes a value: ${rawName}=<${option.value}>`)
    }
    values.set(name, value ?? true)
  }

  const helps = values.has('help') || words[0] === 'help'
  if (words[0] === 'help') words.shift()
  if (values.has('version')) return { what: 'version' }
  if (helps && words.length === 0) return { what: 'help', about: '' }
  const command = find(words, commands, helps)
  if (typeof command === 'string') return { what: 'help', about: command }
  if (helps) return { what: 'help', about: command.name }
  const given = words.slice(command.name.split(' ').length)
  if (given.length > command.most) {
    throw new UsageError(
      command.most === 0
        ? `\`${command.name}\` takes no argument, and got ${quoted(given[0]!)}`
        : `\`${command.name}\` takes at most ${command.most} argument(s)`,
    )
  }
  const takes = optionsOf(command)
  const foreign = [...values.keys()].find((name) => !Object.hasOwn(takes, name))
  if (foreign !== undefined) throw new UsageError(`\`${command.name}\` takes no --${foreign}`)
  return {
    what: 'run',
    command,
    given,
    flags: {
      has: (name) => values.has(name),
      text(name) {
        const value = values.get(name)
        return value === true ? undefined : value
      },
    },
  }
}

/** @returns the command; or the name of its group, where help is asked for and that is all that is given */
function find(words: readonly string[], commands: readonly Command[], helps: boolean): Command | string {
  const [first, second] = words
  if (first === undefined) throw new UsageError('a command is missing')
  const exact = commands.find(({ name }) => name === first || name === `${first} ${second}`)
  if (exact !== undefined) return exact
  const group = commands.filter(({ name }) => name.startsWith(`${first} `))
  if (group.length === 0) {
    throw unknown('command', first, [...new Set(commands.map(({ name }) => name.split(' ')[0]!))])
  }
  if (second !== undefined) {
    const name = `${first} ${second}`
    throw unknown(
      'command',
      name,
      group.map((command) => command.name),
    )
  }
  if (helps) return first
  const parts = group.map(({ name }) => name.slice(first.length + 1))
  throw new UsageError(`\`${first}\` needs one of ${parts.join(', ')}`)
}

function unknown(kind: string, given: string, known: readonly string[]): UsageError {
  const meant = closest(given, known)
  return new UsageError(
    `unknown ${kind} ${quoted(given)}${meant === null ? '' : `; did you mean \`${meant}\`?`}`,
  )
}
