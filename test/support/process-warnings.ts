import { onTestFinished, vi } from 'vitest'

export interface ProcessWarning {
  readonly name: string
  readonly message: string
  readonly code?: string
}

/** Collects the process warnings of the rest of a test, in place of printing them. */
export function collectWarnings(): ProcessWarning[] {
  const collected: ProcessWarning[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(((
    warning: string | Error,
    given: string | { type?: string; code?: string } = {},
  ) => {
    const { type = 'Warning', code } = typeof given === 'string' ? { type: given } : given
    const { name, message } = warning instanceof Error ? warning : { name: type, message: warning }
    collected.push({ name, message, ...(code !== undefined && { code }) })
  }) as typeof process.emitWarning)
  onTestFinished(() => spy.mockRestore())
  return collected
}
