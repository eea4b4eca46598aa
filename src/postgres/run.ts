import type { AuditQueryName } from './audit/queries.ts'
import type { Row } from './connection.ts'
import type { Parameter } from './parameters.ts'
import type { QUERIES } from './queries.ts'

export type QueryName = keyof typeof QUERIES | AuditQueryName

/**
 * Runs one of the store's statements.
 * @param onRetry called before each retry, because the server may have committed the earlier attempt
 */
export type Run = (name: QueryName, values: Parameter[], onRetry?: () => void) => Promise<Row[]>

interface Outcome {
  readonly rows: Row[]
  /** Whether an earlier attempt failed with an unknown outcome. */
  readonly retried: boolean
}

/** For writes that must know whether a retry found the work of an earlier attempt. */
export async function runTrackingRetries(run: Run, name: QueryName, values: Parameter[]): Promise<Outcome> {
  let retried = false
  const rows = await run(name, values, () => {
    retried = true
  })
  return { rows, retried }
}
