import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createSessions } from '../../src/core/sessions.ts'
import { RequestSession } from '../../src/http/request-session.ts'
import { memory } from '../../src/memory/index.ts'
import { silentLogger } from '../support/logger.ts'

/** What only Pawl itself calls (`@internal`). */
const INTERNAL: readonly string[] = [
  'constructor',
  'checkRow',
  'isRefreshable',
  'isUnproven',
  'presentedTokens',
  'namedSessionIds',
  'acceptRefresh',
  'rejectRefresh',
  'request',
  'responseCookies',
]

/** The first cells of the tables of a page, between two headings. */
function cells(page: string, from: string, to: string): string {
  const text = readFileSync(page, 'utf8')
  const part = text.slice(text.indexOf(`\n${from}\n`), text.indexOf(`\n${to}\n`))
  return [...part.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell]) => cell).join('\n')
}

const missing = (names: readonly string[], text: string, before = '`'): string[] =>
  names.filter((name) => !new RegExp(`${before}${name}[(\`]`).test(text))

it('the page of the methods has every method of sessions, and every figure of `stats()`', async () => {
  await using sessions = await createSessions({
    store: memory(),
    secret: randomBytes(32),
    logger: silentLogger,
  })
  const names = Object.keys(sessions).filter((name) => name !== 'keys')
  names.push(...Object.keys(sessions.keys).map((name) => `keys.${name}`))
  const page = 'docs/reference/methods.md'
  expect(missing(names, cells(page, '## `sessions`', '## The session of a request'))).toStrictEqual([])
  const figures = Object.entries(sessions.stats()).flatMap(([group, values]) =>
    Object.keys(values).map((name) => `${group}.${name}`),
  )
  expect(missing(figures, readFileSync(page, 'utf8'))).toStrictEqual([])
})

it('the page of the methods has every member of the session of a request', () => {
  const names = Object.getOwnPropertyNames(RequestSession.prototype).filter(
    (name) => !INTERNAL.includes(name) && name !== 'transport',
  )
  expect(names.length).toBeGreaterThan(30)
  const text = cells('docs/reference/methods.md', '### Properties', '## What they return')
  expect(missing([...names, 'transport'], text)).toStrictEqual([])
})

it('the page of the front end has every member and every option of a client', () => {
  const text = cells('docs/guides/frontend.md', '## Create the client', '## Sign in and out')
  const members = membersOf('src/client/client.ts', 'SessionClient')
  expect(missing(members, text, '`client\\.')).toStrictEqual([])
  expect(missing(membersOf('src/client/options.ts', 'SessionClientOptions'), text)).toStrictEqual([])
})

/** Those of an interface in a source file that needs the types of a browser. */
function membersOf(file: string, name: string): string[] {
  const [, body = ''] =
    new RegExp(`^export interface ${name}<.+?{$(.+?)^}$`, 'ms').exec(readFileSync(file, 'utf8')) ?? []
  const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member]) => member!)
  expect(members.length).toBeGreaterThan(7)
  return members
}
