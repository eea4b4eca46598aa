import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'

const SCRIPT = resolve('scripts/check-release.js')

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the check in a directory that holds version 1.2.0 and this changelog. */
async function check(tag: string, changelog: string): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), 'pawl-release-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'package.json'), '{ "version": "1.2.0" }')
  await writeFile(join(directory, 'CHANGELOG.md'), changelog)
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [SCRIPT, tag], { cwd: directory })) }
  } catch (error) {
    return error as Error & Outcome
  }
}

describe('the release check', () => {
  const RELEASED = '## 1.2.0 - 2026-12-01\n\n### Added\n\n- A thing.\n\n## 1.1.0 - 2026-11-30\n\n- Another.\n'

  it('prints the section of the version', async () => {
    const { code, stdout } = await check('v1.2.0', `# Changelog\n\n## Unreleased\n\n${RELEASED}`)
    expect(code).toBe(0)
    expect(stdout).toBe('### Added\n\n- A thing.\n')
  })

  it.each([
    ['a tag of another version', 'v1.3.0', `## Unreleased\n\n${RELEASED}`],
    ['a tag that only starts with the version', 'v1.2.0-beta', `## Unreleased\n\n${RELEASED}`],
    ['no tag', '', `## Unreleased\n\n${RELEASED}`],
    ['a changelog without the version', 'v1.2.0', '## Unreleased\n\n## 1.1.0 - 2026-11-30\n\n- Another.\n'],
    [
      'an empty section',
      'v1.2.0',
      '## Unreleased\n\n## 1.2.0 - 2026-12-01\n\n## 1.1.0 - 2026-11-30\n\n- It.\n',
    ],
    ['a section without a date', 'v1.2.0', '## Unreleased\n\n## 1.2.0\n\n- A thing.\n'],
    ['entries left under Unreleased', 'v1.2.0', `## Unreleased\n\n- Left behind.\n\n${RELEASED}`],
    ['a changelog without Unreleased', 'v1.2.0', RELEASED],
  ])('refuses %s', async (_, tag, changelog) => {
    const { code, stdout, stderr } = await check(tag, changelog)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})

describe('the repository', () => {
  it('has a dated changelog section for the version of package.json', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'))
    const headings = (await readFile('CHANGELOG.md', 'utf8')).split('\n').filter((line) => /^## /.test(line))
    expect(headings[0]).toBe('## Unreleased')
    expect(headings[1]).toMatch(new RegExp(`^## ${version.replaceAll('.', '\\.')} - \\d{4}-\\d{2}-\\d{2}$`))
  })
})
