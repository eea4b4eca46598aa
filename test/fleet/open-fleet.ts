import { afterAll } from 'vitest'
import { createFleet, type Fleet } from './process.ts'

/** A fleet whose processes end with the test file. Called at the top of it. */
export function openFleet(): Fleet {
  const fleet = createFleet()
  afterAll(() => fleet.stop())
  return fleet
}
