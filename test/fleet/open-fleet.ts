import { afterAll } from 'vitest'
import { createFleet, type Fleet } from './process.ts'

/** A fleet whose processes end with the test file. Call it at the top level of the file. */
export function openFleet(): Fleet {
  const fleet = createFleet()
  afterAll(() => fleet.stop())
  return fleet
}
