import type { Logger } from '../../src/index.ts'

export interface LogLine {
  readonly level: keyof Logger
  readonly fields: object
  readonly message: string
}

/** A logger that keeps its lines. */
export function createLog(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const at =
    (level: keyof Logger) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message })
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

const drop = (): void => {}

/** For tests that assert results and events. Without a logger, Pawl would emit process warnings. */
export const silentLogger: Logger = { debug: drop, info: drop, warn: drop, error: drop }
