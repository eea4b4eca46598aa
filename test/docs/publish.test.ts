import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
// @ts-expect-error a script without types
import { foldersFor, replaceSite, versionsOf } from '../../scripts/publish-docs.js'

describe('the sites of releases', () => {
  it.each([
    ['main', [], ['', 'next']],
    ['main', ['0.1'], ['next']],
    ['v0.1.0', [], ['', '0.1']],
    ['v0.1.3', ['0.1'], ['', '0.1']],
    ['v0.1.4', ['0.1', '0.2'], ['0.1']],
    ['v0.10.0', ['0.2', '0.9'], ['', '0.10']],
    ['v0.2.0-rc.1', ['0.1'], []],
    ['a-branch', ['0.1'], []],
  ])('%s, with releases %j, builds %j', (ref, releases, folders) => {
    expect(foldersFor(ref, releases)).toStrictEqual(folders)
  })

  it('are in the menu, newest first', () => {
    expect(versionsOf(['0.9', '0.10', '0.2'])).toStrictEqual([
      { name: '0.10', folder: '' },
      { name: '0.9', folder: '0.9/' },
      { name: '0.2', folder: '0.2/' },
      { name: 'next', folder: 'next/' },
    ])
    expect(versionsOf([])).toStrictEqual([{ name: 'next', folder: 'next/' }])
  })

  it('stay when the root is replaced', () => {
    const home = mkdtempSync(join(tmpdir(), 'pawl-sites-'))
    onTestFinished(() => rmSync(home, { recursive: true }))
    const pages = join(home, 'pages')
    for (const folder of ['.git', '0.1', 'next', 'guides'])
      mkdirSync(join(pages, folder), { recursive: true })
    for (const file of ['versions.json', 'old.html', '0.1/index.html'])
      writeFileSync(join(pages, file), 'old')
    const built = join(home, 'built')
    mkdirSync(built)
    writeFileSync(join(built, 'index.html'), 'new')
    replaceSite(pages, '', built)
    expect(readdirSync(pages).sort()).toStrictEqual(['.git', '0.1', 'index.html', 'next', 'versions.json'])
    expect(readFileSync(join(pages, '0.1/index.html'), 'utf8')).toBe('old')
    replaceSite(pages, '0.1', built)
    expect(readFileSync(join(pages, '0.1/index.html'), 'utf8')).toBe('new')
  })
})
