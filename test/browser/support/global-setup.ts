import type { TestProject } from 'vitest/node'
import { missingEngine } from './engines.ts'

/** Says once for a run that an engine is missing. */
export function setup({ config }: TestProject): void {
  const missing = missingEngine(config.env['PAWL_ENGINE'])
  if (missing !== undefined) console.log(missing)
}
