import { execFileSync, spawnSync } from 'node:child_process'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { compile } from '../support/compile.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { PAGES, SHARED } from './samples/contexts.ts'
import { type Block, blocksOf, modulesOf, syntaxErrors } from './samples/modules.ts'

/** Samples of frameworks that are not installed here. `npm run test:frameworks` builds and runs them. */
const BUILT_ELSEWHERE = ['docs/start/full-stack.md']
/** What this database refuses, by the code: it has no Citus, but Pawl's schema, and no old partitions. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  '42883': 'run_command_on_',
  '42P01': 'drop table pawl.session_audit_',
  '42P06': 'create schema pawl',
}
/** Languages without a parser here. */
const UNCHECKED = ['http', 'kotlin', 'mermaid']

const pages = execFileSync('git', ['ls-files', '--', 'docs/*.md', 'README.md', 'SECURITY.md'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
const blocks = pages.flatMap(blocksOf)
const inLanguage = (...languages: string[]): Block[] =>
  blocks.filter(({ language }) => languages.includes(language))
const placeOf = ({ page, line }: Block): string => `${page}:${line}`

describe('the samples of the documentation', () => {
  it('are in languages that these tests know', () => {
    const known = ['ts', 'tsx', 'js', 'jsx', 'json', 'yaml', 'sh', 'console', 'sql', ...UNCHECKED]
    expect(blocks.filter(({ language }) => !known.includes(language)).map(placeOf)).toStrictEqual([])
  })

  it('compile, in TypeScript', () => {
    const modules = new Map<string, string>()
    for (const page of pages)
      if (!BUILT_ELSEWHERE.includes(page))
        for (const [name, text] of modulesOf(page, PAGES[page], SHARED)) modules.set(name, text)
    expect(modules.size).toBeGreaterThan(150)
    expect(compile(modules, ['test/docs/samples/ambient.d.ts', 'test/docs/samples/koa.d.ts'])).toStrictEqual(
      [],
    )
  }, 240_000)

  it('have contexts for pages that exist', () => {
    expect(Object.keys(PAGES).filter((page) => !pages.includes(page))).toStrictEqual([])
  })

  it('parse, in JavaScript and in files of frameworks', () => {
    const others = inLanguage('ts', 'tsx').filter(({ page }) => BUILT_ELSEWHERE.includes(page))
    const wrong = [...inLanguage('js', 'jsx'), ...others].flatMap((block) => {
      const file = ts.createSourceFile('sample.tsx', block.code, ts.ScriptTarget.Latest)
      return syntaxErrors(file).map(({ messageText }) => `${placeOf(block)}: ${String(messageText)}`)
    })
    expect(wrong).toStrictEqual([])
  })

  it.each(inLanguage('json'))('parse, in JSON: $page:$line', ({ code }) => {
    expect(JSON.parse(code)).toBeTypeOf('object')
  })

  it.each(inLanguage('sh', 'console'))('parse, in the shell: $page:$line', ({ language, code }) => {
    // The other lines of a console are answers.
    const commands =
      language === 'sh' ? code : [...code.matchAll(/^\$ (.+)$/gm)].map(([, line]) => line).join('\n')
    expect(commands).not.toBe('')
    const { status, stderr } = spawnSync('bash', ['-n'], { input: commands, encoding: 'utf8' })
    expect({ status, stderr }).toStrictEqual({ status: 0, stderr: '' })
  })

  it('are accepted by PostgreSQL, in SQL', async () => {
    const pool = createPool(await createDatabase())
    await postgres({ pool }).migrate()
    const wrong: string[] = []
    for (const page of pages) {
      const client = await pool.connect()
      await client.query('begin; create role helpdesk; create role app')
      // In order: a sample may change what an earlier one has made.
      for (const block of inLanguage('sql').filter((candidate) => candidate.page === page)) {
        await client.query('savepoint sample')
        try {
          const code = block.code.replaceAll(/^(?:begin|commit);$/gm, '')
          await client.query(code.includes('$1') ? `prepare sample as ${code}` : code)
        } catch (error) {
          await client.query('rollback to sample')
          const { code, message } = error as Error & { code: string }
          if (!block.code.includes(ELSEWHERE[code] ?? '?')) wrong.push(`${placeOf(block)}: ${message}`)
        }
        await client.query('deallocate all')
      }
      await client.query('rollback')
      client.release()
    }
    expect(wrong).toStrictEqual([])
  })
})
