import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { until } from '../fleet/until.ts'
import { createDatabase } from '../support/database.ts'
import { silentLogger } from '../support/logger.ts'
import { packPackage } from '../support/packed-package.ts'
import { buildApplication, installNode } from './built-application.ts'
import type { Recipe } from './recipe.ts'

interface Case {
  /** The folder in `apps`. */
  readonly name: string
  /** The package whose version the documentation names, after this label. */
  readonly framework: string
  readonly label: string
  readonly recipe: Recipe
  readonly build: readonly string[]
  readonly start: readonly string[]
}
const FULL_STACK = 'docs/start/full-stack.md'
const recipe = (heading: string, sessions: string): Recipe => ({
  page: FULL_STACK,
  headings: ['## The sessions', `## ${heading}`],
  sessions,
})
const NITRO: Omit<Case, 'name'> = {
  framework: 'nitro',
  label: 'Nitro, by [`pawl/h3`](h3.md)',
  recipe: { page: 'docs/start/h3.md', headings: ['### Nitro'], sessions: 'sessions.ts' },
  build: ['nitro', 'build'],
  start: ['.output/server/index.mjs'],
}
const CASES: readonly Case[] = [
  {
    name: 'sveltekit',
    framework: '@sveltejs/kit',
    label: 'SvelteKit',
    recipe: recipe('SvelteKit', 'src/lib/server/sessions.ts'),
    build: ['vite', 'build'],
    start: ['build/index.js'],
  },
  {
    name: 'react-router',
    framework: 'react-router',
    label: 'React Router',
    recipe: recipe('React Router', 'app/sessions.ts'),
    build: ['react-router', 'build'],
    start: ['start.js'],
  },
  {
    name: 'astro',
    framework: 'astro',
    label: 'Astro',
    recipe: recipe('Astro', 'src/sessions.ts'),
    build: ['astro', 'build'],
    start: ['dist/server/entry.mjs'],
  },
  {
    name: 'tanstack-start',
    framework: '@tanstack/react-start',
    label: 'TanStack Start',
    recipe: recipe('TanStack Start', 'src/sessions.ts'),
    build: ['vite', 'build'],
    start: ['.output/server/index.mjs'],
  },
  {
    name: 'nuxt',
    framework: 'nuxt',
    label: 'Nuxt',
    recipe: recipe('Nuxt', 'server/sessions.ts'),
    build: ['nuxt', 'build'],
    start: ['.output/server/index.mjs'],
  },
  { name: 'nitro', ...NITRO },
  { name: 'nitro-beta', ...NITRO },
]

/** A browser that loads pages of one origin. */
function browserOf(origin: string) {
  const jar = new Map<string, string>()
  return async (method: string, path: string) => {
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(origin + path, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie,
        ...(method === 'POST' && { origin, 'content-type': 'application/json' }),
      },
    })
    const changed = response.headers.getSetCookie().map((text) => {
      const [name = '', value = ''] = text.split(';', 1)[0]!.split('=')
      if (value === '') jar.delete(name)
      else jar.set(name, value)
      return `${value === '' ? '-' : '+'}${name.replace(/^__\w+-/, '')}`
    })
    // React separates neighboring texts by comments.
    const role = /role=(\w*)/.exec(await response.text())?.[1] ?? null
    return { status: response.status, to: response.headers.get('location'), role, changed }
  }
}

const TO_LOGIN = { status: expect.toBeOneOf([302, 303, 307]), to: '/login', role: null, changed: [] }
const PAGE = { status: 200, to: null, role: 'admin', changed: [] }
const SET = ['+pawl-access', '+pawl-refresh']

describe('a production build with the code of the documentation', () => {
  let parts: { archive: string; node: string }
  beforeAll(async () => {
    parts = { archive: await packPackage(), node: await installNode() }
  }, 300_000)

  it.each(CASES)(
    '$name builds without a database, and serves a whole session',
    { timeout: 600_000 },
    async (given) => {
      const { version } = await versionIn(given)
      const table = (await readFile(FULL_STACK, 'utf8')).split('\n')
      expect(table.find((line) => line.startsWith(`| ${given.label} |`))).toContain(version)

      const application = await buildApplication(given, parts)
      expect(application.connections).toBe(0)

      const databaseUrl = await createDatabase()
      const secret = randomBytes(32).toString('base64url')
      const load = browserOf(
        await application.start(given.start, { DATABASE_URL: databaseUrl, PAWL_SECRET: secret }),
      )
      expect(await load('GET', '/account')).toStrictEqual(TO_LOGIN)
      expect(await load('POST', '/login')).toMatchObject({ status: 200, changed: SET })
      expect(await load('GET', '/account')).toStrictEqual(PAGE)

      const store = postgres({ connectionString: databaseUrl })
      const sessions = await createSessions({ store, secret, logger: silentLogger })
      onTestFinished(() => sessions.close())
      await sessions.expireAccessTokens({ userId: 'anna' })
      // As soon as the server has heard of it, a page load renews the cookies.
      await until('the server hears of it', 20_000, async () => {
        const page = await load('GET', '/account')
        expect(page).toStrictEqual({ ...PAGE, changed: expect.toBeOneOf([[], SET]) })
        return page.changed.length > 0
      })
      // So soon after that, the refresh token stays.
      expect(await load('POST', '/session/refresh')).toMatchObject({ status: 200, changed: SET.slice(0, 1) })
      expect(await load('GET', '/account')).toStrictEqual(PAGE)
      expect(await load('POST', '/session/logout')).toMatchObject({
        status: 204,
        changed: ['-pawl-access', '-pawl-refresh'],
      })
      expect(await load('GET', '/account')).toStrictEqual(TO_LOGIN)
    },
  )
})

/** The exact version of the framework that the application is built with. */
async function versionIn({ name, framework }: Case): Promise<{ version: string }> {
  const manifest = JSON.parse(await readFile(`test/frameworks/apps/${name}/package.json`, 'utf8'))
  return { version: manifest.dependencies[framework] }
}
