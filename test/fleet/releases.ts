import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** What a later release may add, as edits of the present sources: each text must be there. */
const NEXT: Readonly<Record<string, readonly (readonly [now: string, next: string])[]>> = {
  'portable/end-reason.ts': [["  'rollback',\n", "  'rollback',\n  'device_lost',\n"]],
  'portable/token-header.ts': [["'EdDSA', 'ES256'", "'EdDSA', 'ES256', 'ES384'"]],
  'core/options/option-table.ts': [["'EdDSA', 'ES256')", "'EdDSA', 'ES256', 'ES384')"]],
  'core/keys/signing-key.ts': [
    ["{ namedCurve: 'P-256' }", "{ namedCurve: algorithm === 'ES384' ? 'P-384' : 'P-256' }"],
    ['bytes?.length === 64', "bytes?.length === (algorithm === 'ES384' ? 96 : 64)"],
    ["(algorithm === 'ES256' ?", "(algorithm === 'ES384' ? 'sha384' : algorithm === 'ES256' ?"],
  ],
  'postgres/migrations.ts': [
    [
      '\n]\n',
      `
  {
    id: 900,
    breaking: false,
    statements: [
      {
        creates: ['sessions.region'],
        text: "alter table :sessions add column if not exists region text not null default 'somewhere'",
      },
      { creates: ['signing_keys.note'], text: "alter table :keys add column if not exists note text" },
      {
        creates: ['migrations.note'],
        text: "alter table :migrations add column if not exists note text not null default ''",
      },
    ],
  },
]
`,
    ],
  ],
  'postgres/queries.ts': [
    ['export const SESSION_COLUMNS = [', "export const SESSION_COLUMNS = [\n  'region',"],
  ],
  'postgres/session-row.ts': [
    [
      'reuse_since: timestamp(row.reuseSince),',
      "reuse_since: timestamp(row.reuseSince),\n    region: 'here',",
    ],
  ],
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-release-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The sources of a release; `null` without its tag, as in a shallow clone. */
export function sourcesOfTag(tag: string): string | null {
  const git = (...parameters: string[]): Buffer =>
    execFileSync('git', parameters, { cwd: ROOT, maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    git('rev-parse', '--verify', `${tag}^{commit}`)
  } catch {
    return null
  }
  const folder = temporaryFolder()
  execFileSync('tar', ['-x', '-C', folder], { input: git('archive', tag, 'src') })
  return join(folder, 'src')
}

/** A later release: the present one with one more end reason, one more column and one more algorithm. */
export function sourcesOfNext(): string {
  const folder = join(temporaryFolder(), 'src')
  cpSync(join(ROOT, 'src'), folder, { recursive: true })
  for (const [name, edits] of Object.entries(NEXT)) {
    let text = readFileSync(join(folder, name), 'utf8')
    for (const [now, next] of edits) {
      if (text.split(now).length !== 2) throw new Error(`src/${name} does not contain once: ${now}`)
      text = text.replace(now, () => next)
    }
    writeFileSync(join(folder, name), text)
  }
  return folder
}
