import { parseArgs } from 'node:util'
import { counted } from '../../portable/format.ts'
import type { Command, Flags, Option } from '../command.ts'
import { UsageError } from './errors.ts'
import { closest } from './suggest.ts'
import { quoted } from './text.ts'

type Options = Readonly<Record<string, Option>>

/** Options of every command. */
export const COMMON: Options = {
  json: { help: 'Print one JSON document.' },
  help: { help: 'Show this help.' },
}

/** Options of every command that needs a database. */
export const CONNECTION: Options = {
  url: { value: 'url', help: 'PostgreSQL URL. Default: the environment variable DATABASE_URL.' },
  schema: { value: 'name', help: "Schema of Pawl's tables. Default: pawl." },
}

export const VERSION: Options = { version: { help: 'Print the version.' } }

/** What the command line asks for. */
export type Request =
  | { readonly kind: 'version' }
  /** Help on one command, on a group of commands, or on everything if `topic` is empty. */
  | { readonly kind: 'help'; readonly topic: string }
  | {
      readonly kind: 'run'
      readonly command: Command
      readonly positionals: readonly string[]
      readonly flags: Flags
    }

/** All options of a command. */
export function optionsOf(command: Command): Options {
  return { ...command.options, ...(command.needsDatabase ? CONNECTION : {}), ...COMMON }
}

/** @throws UsageError, with a suggestion after a typing mistake */
export function parse(argv: readonly string[], commands: readonly Command[]): Request {
  const { words, values } = tokenize(argv, Object.assign({}, VERSION, ...commands.map(optionsOf)))
  const asksHelp = values.has('help') || words[0] === 'help'
  if (words[0] === 'help') words.shift()
  if (values.has('version')) return { kind: 'version' }
  if (asksHelp) return { kind: 'help', topic: helpTopic(words, commands) }

  const command = findCommand(words, commands)
  const positionals = words.slice(command.name.split(' ').length)
  checkPositionals(command, positionals)
  const known = optionsOf(command)
  const foreign = [...values.keys()].find((name) => !Object.hasOwn(known, name))
  if (foreign !== undefined) throw new UsageError(`\`${command.name}\` takes no --${foreign}`)
  return {
    kind: 'run',
    command,
    positionals,
    flags: {
      has: (name) => values.has(name),
      value(name) {
        const value = values.get(name)
        return value === true ? undefined : value
      },
    },
  }
}

interface Tokens {
  readonly words: string[]
  /** Values of options by name; `true` for a switch. */
  readonly values: ReadonlyMap<string, string | true>
}

function tokenize(argv: readonly string[], options: Options): Tokens {
  const types = Object.entries(options).map(
    ([name, { value }]) => [name, { type: value === undefined ? 'boolean' : 'string' }] as const,
  )
  // In strict mode the messages of the parser repeat the input, which may hold a password.
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } },
  })
  const words: string[] = []
  const values = new Map<string, string | true>()
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    if (!Object.hasOwn(options, name)) {
      const known = Object.keys(options).map((option) => `--${option}`)
      throw unknown('option', rawName, known)
    }
    const placeholder = options[name]!.value
    if (values.has(name)) throw new UsageError(`${rawName} is given twice`)
    if (placeholder === undefined && value !== undefined) throw new UsageError(`${rawName} takes no value`)
    if (placeholder !== undefined && (value === undefined || (!inlineValue && value.startsWith('-'))))
      throw new UsageError(`${rawName} takes a value. Write ${rawName}=<${placeholder}>.`)
    values.set(name, value ?? true)
  }
  return { words, values }
}

/** @returns the name of a command or of a group, or an empty string */
function helpTopic(words: readonly string[], commands: readonly Command[]): string {
  const [first, second] = words
  if (first === undefined) return ''
  const isGroup = commands.some(({ name }) => name.startsWith(`${first} `))
  return isGroup && second === undefined ? first : findCommand(words, commands).name
}

function findCommand(words: readonly string[], commands: readonly Command[]): Command {
  const [first, second] = words
  if (first === undefined) throw new UsageError('a command is missing')
  const found = commands.find(({ name }) => name === first || name === `${first} ${second}`)
  if (found !== undefined) return found
  const group = commands.map(({ name }) => name).filter((name) => name.startsWith(`${first} `))
  if (group.length === 0) {
    throw unknown('command', first, [...new Set(commands.map(({ name }) => name.split(' ')[0]!))])
  }
  if (second !== undefined) throw unknown('command', `${first} ${second}`, group)
  const parts = group.map((name) => name.slice(first.length + 1))
  throw new UsageError(`\`${first}\` needs a subcommand: ${parts.join(', ')}`)
}

function checkPositionals({ name, maxArguments }: Command, positionals: readonly string[]): void {
  if (positionals.length <= maxArguments) return
  throw new UsageError(
    maxArguments === 0
      ? `\`${name}\` takes no argument, but got ${quoted(positionals[0]!)}`
      : `\`${name}\` takes at most ${counted(maxArguments, 'argument')}, but got ${positionals.length}`,
  )
}

function unknown(kind: string, typed: string, known: readonly string[]): UsageError {
  const suggestion = closest(typed, known)
  const question = suggestion === null ? '' : `. Did you mean \`${suggestion}\`?`
  return new UsageError(`unknown ${kind} ${quoted(typed)}${question}`)
}
