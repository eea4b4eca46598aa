import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const DOCS = join(import.meta.dirname, '..')

export interface Page {
  /** The path in `docs`, without `.md`. */
  readonly path: string
  /** The first heading. */
  readonly title: string
}

interface Group {
  readonly text: string
  readonly paths: readonly string[]
}

interface Section {
  readonly text: string
  readonly folder: string
  /** What `llms.txt` says of it. */
  readonly about: string
  readonly groups: readonly Group[]
}

/** Every page, in the order in which it is read. A test fails if a page is missing here. */
const SECTIONS: readonly Section[] = [
  {
    text: 'Start',
    folder: 'start',
    about: 'From nothing to a page that only signed-in users see',
    groups: [
      { text: 'Start', paths: ['start/index', 'start/full-stack'] },
      {
        text: 'Your framework',
        paths: [
          'start/express',
          'start/fastify',
          'start/hono',
          'start/koa',
          'start/nest',
          'start/next',
          'start/h3',
          'start/fetch',
          'start/node',
        ],
      },
    ],
  },
  {
    text: 'Guides',
    folder: 'guides',
    about: 'One task on each page',
    groups: [
      {
        text: 'Accounts',
        paths: [
          'guides/password-change',
          'guides/reauthentication',
          'guides/remember-me',
          'guides/devices-page',
          'guides/sign-out-everywhere',
          'guides/acting',
          'guides/claims',
        ],
      },
      {
        text: 'Clients',
        paths: [
          'guides/frontend',
          'guides/pwa',
          'guides/websockets',
          'guides/react-native',
          'guides/native',
          'guides/handoff',
          'guides/two-applications',
        ],
      },
      {
        text: 'Servers',
        paths: [
          'guides/verify',
          'guides/serverless',
          'guides/runtimes',
          'guides/drivers',
          'guides/growing',
          'guides/testing',
        ],
      },
      {
        text: 'Moving in',
        paths: [
          'guides/moving',
          'guides/moving/express-session',
          'guides/moving/supertokens-node-postgres-ref-jwt',
          'guides/moving/supertokens',
          'guides/moving/iron-session',
          'guides/moving/auth-js',
          'guides/supertokens',
        ],
      },
    ],
  },
  {
    text: 'Understand',
    folder: 'understand',
    about: 'Why it works, and what it does not do',
    groups: [
      {
        text: 'Understand',
        paths: [
          'understand/how-a-session-turns',
          'understand/no-honest-logout',
          'understand/what-a-thief-can-do',
          'understand/device-binding',
          'understand/revocation-feed',
          'understand/performance',
          'protocol',
        ],
      },
    ],
  },
  {
    text: 'Reference',
    folder: 'reference',
    about: 'Every option, function, route, event and error',
    groups: [
      {
        text: 'Reference',
        paths: [
          'reference/options',
          'reference/methods',
          'reference/http',
          'reference/errors',
          'reference/events',
          'reference/cli',
          'reference/schema',
          'reference/conformance',
          'reference/asvs',
        ],
      },
    ],
  },
  {
    text: 'Operate',
    folder: 'operate',
    about: 'For those who run it',
    groups: [
      {
        text: 'Operate',
        paths: [
          'operate/index',
          'operate/deploy',
          'operate/monitor',
          'operate/alerts',
          'operate/console',
          'operate/audit',
          'operate/outages',
          'operate/backups',
          'operate/failover',
          'operate/troubleshooting',
        ],
      },
    ],
  },
]

/** The pages of the list. */
export const PATHS: readonly string[] = SECTIONS.flatMap(({ groups }) => groups.flatMap(({ paths }) => paths))

export interface PageGroup {
  readonly text: string
  readonly pages: readonly Page[]
}

export interface PageSection {
  readonly text: string
  readonly folder: string
  /** What `llms.txt` says of it. */
  readonly about: string
  readonly groups: readonly PageGroup[]
}

export function readSections(): PageSection[] {
  return SECTIONS.map(({ groups, ...section }) => ({
    ...section,
    groups: groups.map(({ text, paths }) => ({ text, pages: paths.filter(exists).map(readPage) })),
  }))
}

function exists(path: string): boolean {
  return existsSync(join(DOCS, `${path}.md`))
}

function readPage(path: string): Page {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(DOCS, `${path}.md`), 'utf8')) ?? []
  if (title === undefined) throw new Error(`docs/${path}.md has no heading.`)
  return { path, title: title.replaceAll('`', '') }
}
