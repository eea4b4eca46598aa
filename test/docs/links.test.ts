import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'

const pages = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).trim().split('\n')

it.each(pages)('%s links only to files of the repository that exist', (page) => {
  const targets = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)]
  const missing = targets
    .map(([, target]) => target!)
    .filter((target) => !existsSync(join(dirname(page), target)))
  expect(missing).toStrictEqual([])
})

it.each(pages)('%s names only paths of src that exist', (page) => {
  const named = [...readFileSync(page, 'utf8').matchAll(/`(src\/[\w/.-]+)`/g)].map(([, path]) => path!)
  expect(named.filter((path) => !existsSync(path))).toStrictEqual([])
})
