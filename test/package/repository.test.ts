import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const WORKFLOWS = '.github/workflows'
/** An action pinned to a full commit hash, with the version in a comment for Dependabot. */
const PINNED = /uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/

describe.each((await readdir(WORKFLOWS)).sort())('the workflow %s', async (file) => {
  const lines = (await readFile(join(WORKFLOWS, file), 'utf8')).split('\n')

  it('pins every action to a commit', () => {
    const uses = lines.filter((line) => line.includes('uses:'))
    expect(uses).not.toHaveLength(0)
    expect(uses.filter((line) => !PINNED.test(line))).toEqual([])
  })

  it('has read-only permissions by default and persists no credentials', () => {
    expect(lines.join('\n')).toContain('\npermissions:\n  contents: read\n')
    const count = (text: string): number => lines.filter((line) => line.includes(text)).length
    expect(count('persist-credentials: false')).toBe(count('uses: actions/checkout@'))
  })
})

describe('the issue forms', () => {
  it('link to the repository of package.json', async () => {
    const { repository, homepage, bugs } = JSON.parse(await readFile('package.json', 'utf8'))
    const address = repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
    expect({ homepage, bugs }).toEqual({ homepage: `${address}#readme`, bugs: `${address}/issues` })
    const links = (await readFile('.github/ISSUE_TEMPLATE/config.yml', 'utf8')).match(/https:\S+/g)
    expect(links).toEqual([`${address}/discussions`, `${address}/security/advisories/new`])
  })
})
