import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { createFolder, install, packPackage } from '../support/packed-package.ts'

/** What an application of each peer needs besides it. */
const VISITS: Readonly<Record<string, readonly string[]>> = {
  '@electric-sql/pglite': [],
  '@nestjs/core': ['@nestjs/common', '@nestjs/platform-express', 'reflect-metadata', 'rxjs@7'],
  '@opentelemetry/api': [],
  express: [],
  fastify: [],
  h3: [],
  hono: [],
  koa: [],
  pg: [],
  react: ['react-dom'],
}
/** A peer that another one brings along, and one that needs a build: `test/next/next.test.ts` has one of the newest. */
const ELSEWHERE = ['@nestjs/common', 'next']
const SCRIPTS: Readonly<Record<string, string>> = {
  '@electric-sql/pglite': 'pglite',
  '@nestjs/core': 'nest',
  '@opentelemetry/api': 'otel',
}

const SET = ['+pawl-access', '+pawl-refresh']
const CLEARED = ['-pawl-access', '-pawl-refresh']
/** Each request with its status, its body in a word, and the cookies it sets (+) or clears (-). */
const VISIT = [
  ['GET /me', 401, 'not_signed_in', []],
  ['POST /login', expect.toBeOneOf([200, 201]), '', SET],
  ['GET /me', 200, 'anna admin', []],
  ['GET /me', 401, 'access_token_expired', []],
  ['POST /session/refresh', 200, '', SET],
  ['GET /me', 200, 'anna admin', []],
  ['POST /session/logout', 204, '', CLEARED],
  ['GET /me', 401, 'not_signed_in', []],
]

/** What h3 answers to logins whose handlers return a response, throw an `HTTPError` and crash. */
const inH3 = (cookiesOfErrors: readonly string[]): unknown[] => [
  ['GET /response', 418, 'own', SET],
  ['GET /error', 409, '', cookiesOfErrors],
  ['GET /crash', 500, '', cookiesOfErrors],
]
/** An error of an h3 without `errHeaders` loses its cookies, as an answer may be lost on the way. */
const MORE: Readonly<Record<string, unknown[]>> = { 'h3 2.0.1-rc.2': inH3([]), 'h3 ^2.0.1-rc.2': inH3(SET) }

function visitTo(peer: string, version: string): unknown[] {
  return [...VISIT.slice(0, -2), ...(MORE[`${peer} ${version}`] ?? []), ...VISIT.slice(-2)]
}

const { peerDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
  peerDependencies: Record<string, string>
}

/** The lowest version that a peer range allows, and a range for the newest one. */
function endsOf(range: string): [lowest: string, newest: string] {
  const majors = range.split(' || ')
  return [majors[0]!.slice('^'.length), majors.at(-1)!]
}

describe('the packed package', () => {
  const secret = randomBytes(32).toString('base64url')
  let archive: string
  let databaseUrl: string
  beforeAll(async () => {
    archive = await packPackage()
    databaseUrl = await createDatabase()
  }, 180_000)

  it('has a visit for every peer', () => {
    expect([...Object.keys(VISITS), ...ELSEWHERE].sort()).toStrictEqual(Object.keys(peerDependencies).sort())
  })

  const cases = Object.keys(VISITS).flatMap((peer) =>
    endsOf(peerDependencies[peer]!).map((version) => ({ peer, version })),
  )
  it.concurrent.each(cases)('works with $peer $version', { timeout: 240_000 }, async ({ peer, version }) => {
    const folder = await createFolder('peer')
    await cp(join(import.meta.dirname, 'peers'), folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    const companions = VISITS[peer]!.map((name) =>
      /^(?:@nestjs\/|react-dom)/.test(name) ? `${name}@${version}` : name,
    )
    await install(folder, [archive, `${peer}@${version}`, ...companions])
    const script = `${SCRIPTS[peer] ?? peer}.js`
    const { stdout } = await promisify(execFile)(process.execPath, [script], {
      cwd: folder,
      env: { ...process.env, DATABASE_URL: databaseUrl, PAWL_SECRET: secret },
      timeout: 60_000,
    })
    if (peer === 'react') expect(stdout).toBe('<p>unknown</p>')
    else expect(JSON.parse(stdout)).toStrictEqual(visitTo(peer, version))
  })
})
