import { expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { describeStore } from './store-contract.ts'

describeStore('memory', async () => memory())

it('has no clock but that of the process', async () => {
  expect(await memory().time()).toBeNull()
})
