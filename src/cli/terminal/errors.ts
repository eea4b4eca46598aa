import { printable } from '../../portable/printable.ts'
import { withoutSecrets } from '../../postgres/server-words.ts'

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

/** The command could not be carried out, for a reason the message explains: exit code 1. */
export class Failure extends Error {}

/** Ctrl-C: exit code 130. */
export class Interrupted extends Error {}

export function notFound(what: string): Failure {
  return new Failure(`not found: ${what}`)
}

/** A cause may have causes of its own, and be among them. */
const MAX_CAUSES = 8

/** The message and then the causes that it does not name, one line each, without stacks and passwords. */
export function errorLines(error: unknown): string[] {
  if (isMissingDriver(error)) return ['the package `pg` is missing. Install it: npm install pg']
  // The store names only the variable; here the option sets it too.
  const message = lineOf(error).replace('Check DATABASE_URL', 'Check DATABASE_URL or --url')
  const lines = [printable((message || 'unknown error').replace(/:\/\/\S*@/g, '://…@'))]
  for (const each of causesOf(error)) {
    const cause = printable(withoutSecrets(lineOf(each)))
    if (cause !== '' && !lines.some((line) => line.includes(cause))) lines.push(`cause: ${cause}`)
  }
  return lines
}

/** Also the errors of an `AggregateError`, as of the several addresses of a host. */
function causesOf(error: unknown): unknown[] {
  const found = new Set<unknown>([error])
  for (const each of found) {
    const { cause, errors } = (each ?? {}) as { cause?: unknown; errors?: unknown }
    for (const next of [cause, ...(Array.isArray(errors) ? errors : [])])
      if (next != null && found.size <= MAX_CAUSES) found.add(next)
  }
  return [...found].slice(1)
}

function lineOf(error: unknown): string {
  const { message } = Object(error) as { message?: unknown }
  const text = typeof message === 'string' ? message : String(error)
  const [line = ''] = text.trim().split('\n')
  return line
}

function isMissingDriver(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_MODULE_NOT_FOUND' && /'pg'/.test(String(error))
}
