import { afterAll, expect } from 'vitest'

const warnings: Error[] = []
process.on('warning', (warning) => {
  if (warning.name === 'PawlWarning') warnings.push(warning)
})

// A test that provokes a warning gives a logger or asserts the warning (`collectWarnings`): a run prints none.
afterAll(() => {
  expect(warnings.splice(0), 'process warnings that no test has collected').toStrictEqual([])
})
