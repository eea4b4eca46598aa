import { afterAll } from 'vitest'
import { createFleet, type Fleet } from './process.ts'

/**
 * A fleet whose processes end with the test file. Call it at the top level of the file.
 * @param sources as for {@link bundle}
 */
export function openFleet(sources?: string): Fleet {
  const fleet = createFleet(sources)
  afterAll(() => fleet.stop())
  return fleet
}
