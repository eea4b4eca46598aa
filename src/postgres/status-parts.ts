import type { UnknownPart } from '../core/store-status.ts'
import { serverWords } from './server-words.ts'
import { isForbidden, isUndefinedTable, isUnsupported } from './sqlstate.ts'
import { AnswerTimeoutError } from './with-timeout.ts'

type Part = UnknownPart['part']

/** Reads the parts of a status. One that cannot be read is `null` and does not hide the others. */
export interface Parts {
  read<T>(part: Part, read: () => Promise<T>): Promise<T | null>
  /** {@link read}, where `null` means that the rows are too many to count. */
  readOrLarge<T>(part: Part, read: () => Promise<T | null>): Promise<T | null>
  /** @param isCitus whether every feature exists, so that `0A000` is the failure of a statement */
  unknown(isCitus: boolean): UnknownPart[]
}

const ORDER: readonly Part[] = [
  'standby',
  'layout',
  'schema',
  'rights',
  'keys',
  'sessions',
  'revocations',
  'table',
  'vacuum',
  'listeners',
  'queueUsage',
]

export function createParts(): Parts {
  const errors = new Map<Part, unknown>()
  const large = new Set<Part>()

  async function read<T>(part: Part, attempt: () => Promise<T>): Promise<T | null> {
    try {
      return await attempt()
    } catch (error) {
      errors.set(part, error)
      return null
    }
  }

  return {
    read,
    readOrLarge: (part, attempt) =>
      read(part, async () => {
        const found = await attempt()
        if (found === null) large.add(part)
        return found
      }),
    unknown: (isCitus) =>
      ORDER.flatMap((part): UnknownPart[] => {
        if (large.has(part)) return [{ part, why: 'large', words: null }]
        const error = errors.get(part)
        if (error === undefined || isNotOffered(error, isCitus)) return []
        return [{ part, why: 'failed', words: wordsOf(error) }]
      }),
  }
}

/** The schema is missing, which the status says, or the role or the engine does not offer the value. */
function isNotOffered(error: unknown, isCitus: boolean): boolean {
  return isUndefinedTable(error) || isForbidden(error) || (isUnsupported(error) && !isCitus)
}

function wordsOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  // Pawl gave up waiting, so the database has said nothing.
  if (error instanceof AnswerTimeoutError) return 'no answer in time'
  return serverWords(cause ?? error)
}
