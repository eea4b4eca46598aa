import { printable } from '../../portable/printable.ts'

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

/** The command could not be carried out, for a reason the message explains: exit code 1. */
export class Failure extends Error {}

/** Ctrl-C: exit code 130. */
export class Interrupted extends Error {}

export function notFound(what: string): Failure {
  return new Failure(`not found: ${what}`)
}

/** The message as one line, without a stack, and without the user and password of a URL. */
export function errorLine(error: unknown): string {
  if (isMissingDriver(error)) return 'the package `pg` is missing. Install it: npm install pg'
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  // The store names only the variable; here the option sets it too.
  const message = line.replace('Check DATABASE_URL', 'Check DATABASE_URL or --url')
  return printable((message || 'unknown error').replace(/:\/\/\S*@/g, '://…@'))
}

function isMissingDriver(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' && /'pg'/.test(String(error))
}
