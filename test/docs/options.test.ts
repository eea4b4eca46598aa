import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

it('the interfaces and the documentation of options agree with the option tables', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'scripts/options.js', '--check'],
    {
      encoding: 'utf8',
    },
  )
  expect({ status, stderr }).toStrictEqual({ status: 0, stderr: '' })
})
