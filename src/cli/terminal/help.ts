import type { Command, Option } from '../command.ts'
import { COMMON, CONNECTION, optionsOf, VERSION } from './arguments.ts'

const EXIT_CODES = 'Exit codes: 0 done, 1 failed or not found, 2 wrong usage, 130 interrupted.'

/** @param topic a command, a group of commands, or nothing for all commands */
export function help(commands: readonly Command[], topic: string): string {
  const command = commands.find(({ name }) => name === topic)
  if (command !== undefined) return commandHelp(command)
  return topic === ''
    ? overview(commands)
    : groupHelp(
        topic,
        commands.filter(({ name }) => name.startsWith(`${topic} `)),
      )
}

function overview(commands: readonly Command[]): string {
  return page(
    'pawl: session management for Node.js and PostgreSQL\n',
    'Usage: npx pawl <command> [options]\n',
    ...summaries(commands),
    '\nOptions of every command:',
    optionLines({ ...CONNECTION, ...COMMON, ...VERSION }),
    ...examplesOf(commands.flatMap(({ examples }) => examples.slice(0, 1))),
    '\nRun `npx pawl <command> --help` for the options of one command.',
  )
}

function groupHelp(group: string, commands: readonly Command[]): string {
  return page(
    `Usage: npx pawl ${group} <command> [options]\n`,
    ...summaries(commands),
    '\nOptions of every command:',
    optionLines({ ...CONNECTION, ...COMMON }),
    ...examplesOf(commands.flatMap(({ examples }) => examples)),
    `\nRun \`npx pawl ${group} <command> --help\` for the options of one command.`,
  )
}

function commandHelp(command: Command): string {
  const { name, usage, summary, details, examples } = command
  return page(
    `${summary}\n`,
    `Usage: npx pawl ${`${name} ${usage}`.trim()} [options]\n`,
    ...(details === undefined ? [] : [`${details}\n`]),
    'Options:',
    optionLines(optionsOf(command)),
    ...examplesOf(examples),
    '',
  )
}

function page(...parts: readonly string[]): string {
  return `${[...parts, EXIT_CODES].join('\n')}\n`
}

function summaries(commands: readonly Command[]): string[] {
  return ['Commands:', aligned(commands.map(({ name, summary }) => [name, summary]))]
}

function examplesOf(examples: readonly string[]): string[] {
  return ['\nExamples:', ...examples.map((example) => `  ${example}`)]
}

function optionLines(options: Readonly<Record<string, Option>>): string {
  return aligned(
    Object.entries(options).map(([name, { value, help }]) => [
      value === undefined ? `--${name}` : `--${name} <${value}>`,
      help,
    ]),
  )
}

function aligned(entries: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...entries.map(([left]) => left.length))
  return entries.map(([left, right]) => `  ${left.padEnd(widest)}  ${right}`).join('\n')
}
