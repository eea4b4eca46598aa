import type { Command, Option } from '../command.ts'
import { COMMON, CONNECTION, optionsOf } from './arguments.ts'

const EXIT_CODES = 'Exit codes: 0 done, 1 failed or not found, 2 wrong usage.'

/** @param about a command, a group of them, or nothing for everything */
export function help(commands: readonly Command[], about: string): string {
  const command = commands.find(({ name }) => name === about)
  if (command !== undefined) return commandHelp(command)
  const group = commands.filter(({ name }) => about === '' || name.startsWith(`${about} `))
  const usage = about === '' ? '<command>' : `${about} <command>`
  return [
    about === '' ? 'pawl: session management for Node.js and PostgreSQL\n' : '',
    `Usage: npx pawl ${usage} [options]\n`,
    'Commands:',
    lines(group.map(({ name, summary }) => [name, summary])),
    '\nOptions of every command:',
    options({
      ...CONNECTION,
      ...COMMON,
      ...(about === '' ? { version: { help: 'Print the version.' } } : {}),
    }),
    '\nExamples:',
    ...group
      .flatMap(({ examples }) => (about === '' ? examples.slice(0, 1) : examples))
      .map((example) => `  ${example}`),
    `\n\`npx pawl <command> --help\` tells more about one. ${EXIT_CODES}\n`,
  ]
    .join('\n')
    .trimStart()
}

function commandHelp(command: Command): string {
  const { name, usage, summary, details, examples } = command
  return [
    `${summary}\n`,
    `Usage: npx pawl ${`${name} ${usage}`.trim()} [options]\n`,
    ...(details === undefined ? [] : [`${details}\n`]),
    'Options:',
    options(optionsOf(command)),
    '\nExamples:',
    ...examples.map((example) => `  ${example}`),
    `\n${EXIT_CODES}\n`,
  ].join('\n')
}

function options(all: Readonly<Record<string, Option>>): string {
  return lines(
    Object.entries(all).map(([name, { value, help }]) => [
      value === undefined ? `--${name}` : `--${name} <${value}>`,
      help,
    ]),
  )
}

function lines(entries: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...entries.map(([left]) => left.length))
  return entries.map(([left, right]) => `  ${left.padEnd(widest)}  ${right}`).join('\n')
}
