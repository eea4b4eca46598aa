import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { PATHS } from '../../docs/.vitepress/pages.ts'

it('the sidebar has every page of the documentation once', () => {
  const files = execFileSync('git', ['ls-files', '--', 'docs/*.md'], { encoding: 'utf8' }).trim().split('\n')
  const pages = files.map((file) => file.slice('docs/'.length, -'.md'.length))
  // The landing page is behind the logo.
  expect([...PATHS].sort()).toStrictEqual(pages.filter((page) => page !== 'index').sort())
})
