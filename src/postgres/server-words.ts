import { printable } from '../portable/printable.ts'
import { isSqlState, sqlState } from './sqlstate.ts'

const MAX_LENGTH = 200

/** The network's error codes in words. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection lost',
  EPIPE: 'connection lost',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name not found',
}

/**
 * The SQLSTATE and PostgreSQL's message, or the code of the network. One line of limited length: whoever answers
 * at the address writes the text.
 */
export function serverWords(error: unknown): string {
  const code = sqlState(error)
  const words = withoutSecrets(messageOf(error).replace(/\s+/g, ' ').trim())
  const text = printable(words.length > MAX_LENGTH ? `${words.slice(0, MAX_LENGTH)}…` : words)
  if (code === null) return text || 'connection lost or timed out'
  const lead = REASONS[code] ?? (isSqlState(code) || !text.includes(code) ? printable(code.slice(0, 64)) : '')
  return [lead, text].filter((part) => part !== '').join(': ')
}

/** Node.js reports the failures of all addresses of a host as one error without a message. */
function messageOf(error: unknown): string {
  const { message = '', errors } = (error ?? {}) as { message?: unknown; errors?: unknown }
  if (message !== '' || !Array.isArray(errors)) return String(message)
  return [...new Set(errors.map((each) => String((each as Error | null)?.message ?? '')))].join(', ')
}

/** No driver is known to repeat a password, but a wrapper or a callback of the application may. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/:\/\/.*@/g, '://…@')
    .replace(/(pass(?:word|wd)?|pwd|secret|token)(["']?\s*[=:]\s*)\S+/gi, '$1$2…')
}
