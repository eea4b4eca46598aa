import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { readSections } from '../../docs/.vitepress/pages.ts'
import { browserTest, openContext } from '../browser/support/browser-test.ts'
import { buildSite } from './support/build.ts'
import { SITE, servePages } from './support/pages-server.ts'

const SCREENSHOTS = join(process.env['PAWL_SCREENSHOTS'] ?? 'test/browser/.artifacts', 'site')
const SCHEMES = ['light', 'dark'] as const
const sections = readSections()
const paths = sections.flatMap(({ groups }) =>
  groups.flatMap(({ pages }) => pages.map(({ path }) => path.replace(/index$/, ''))),
)
/** The landing page, and the first page of each section. */
const SAMPLES = [
  '',
  ...sections.map(({ groups }) => groups[0]!.pages[0]!.path.replace(/index$/, '')),
  'reference/api/pawl/express',
]
const AXE = await readFile('node_modules/axe-core/axe.min.js', 'utf8')

const withoutLinks = (page: string): string => page.replace(/\]\([^)\s]+\)/g, ']()')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

beforeAll(async () => {
  buildSite()
  await mkdir(SCREENSHOTS, { recursive: true })
}, 600_000)

/** A tab of Chromium. The test fails if a page of the site logs an error. */
async function openTab(
  width = 1280,
): Promise<{ page: Page; errors: string[]; open: (path: string) => Promise<void> }> {
  const site = await servePages()
  const context = await openContext({ viewport: { width, height: width < 500 ? 844 : 900 } })
  const page = (await context.newPage()) as Page
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  const open = async (path: string): Promise<void> => {
    await page.goto(site + path)
    // Vue has taken over the page.
    await page.locator('select.versions').first().waitFor({ state: 'attached' })
  }
  return { page, errors, open }
}

describe('the site in Chromium', () => {
  browserTest.each([
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('shows the landing page at %i px, %s', async (width, colorScheme) => {
    const { page, errors, open } = await openTab(width)
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await open('')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toMatch(/^Pawl/)
    await page.screenshot({ path: join(SCREENSHOTS, `landing-${width}-${colorScheme}.png`), fullPage: true })
    await page.getByRole('link', { name: 'Get started' }).click()
    await page.waitForURL('**/pawl/start/')
    expect(errors).toStrictEqual([])
  })

  browserTest.each([
    ['no-preference', 'theft'],
    ['reduce', 'theft-still'],
  ] as const)(
    'shows the clip of the landing page with reduced motion %s as %s',
    async (reducedMotion, name) => {
      const { page, open } = await openTab()
      await page.emulateMedia({ reducedMotion })
      await open('')
      const shown = await page.evaluate(async () => {
        const image = document.querySelector<HTMLImageElement>('.landing picture img')!
        await image.decode()
        return { source: image.currentSrc, width: image.naturalWidth }
      })
      expect(shown).toStrictEqual({
        source: expect.stringMatching(new RegExp(`/${name}\\.[\\w-]+\\.webp$`)),
        width: 1240,
      })
    },
  )

  browserTest.each(SCHEMES)('has no violation of the accessibility rules of axe, %s', async (colorScheme) => {
    const { page, open } = await openTab()
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found: string[] = []
    for (const path of SAMPLES) {
      await open(path)
      await page.evaluate(AXE)
      const violations = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)')
      for (const { id, nodes } of violations)
        found.push(...nodes.map(({ html, failureSummary }) => `/${path}: ${id}: ${html} ${failureSummary}`))
    }
    expect(found).toStrictEqual([])
  })

  browserTest('fits every page into a telephone, and none logs an error', async () => {
    const { page, errors, open } = await openTab(390)
    const wide: string[] = []
    for (const path of paths) {
      await open(path)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      if (width > 390) wide.push(`${path}: ${width} px`)
    }
    expect(wide).toStrictEqual([])
    expect(errors).toStrictEqual([])
  })

  browserTest('finds a page by a word', async () => {
    const { page, open } = await openTab()
    await open('')
    await page.getByRole('button', { name: 'Search' }).first().click()
    await page.locator('#localsearch-input').fill('pgbouncer')
    await page.locator('#localsearch-list a').first().click()
    await page.waitForURL(/\/pawl\/\w+\//)
    await page.locator('main', { hasText: /pgbouncer/i }).waitFor()
  })

  browserTest('draws the diagrams, and says to a screen reader what they show', async () => {
    const { page, errors, open } = await openTab()
    await open('protocol')
    const figures = page.locator('figure.diagram svg')
    const source = await readFile('docs/protocol.md', 'utf8')
    await expect.poll(() => figures.count(), { timeout: 30_000 }).toBe(source.match(/```mermaid/g)!.length)
    const first = page.locator('figure.diagram').first()
    expect(await first.getAttribute('aria-label')).toContain('refresh with R0')
    await first.screenshot({ path: join(SCREENSHOTS, 'diagram.png') })
    expect(errors).toStrictEqual([])
  })

  browserTest('leads to the same repository page on GitHub, and to the sites of other releases', async () => {
    const { page, open } = await openTab()
    await open('start/express')
    expect(await page.getByRole('link', { name: 'Edit this page' }).getAttribute('href')).toBe(
      'https://github.com/pawljs/pawl/edit/main/docs/start/express.md',
    )
    const menu = page.getByLabel('Version of Pawl').first()
    expect(await menu.locator('option').allTextContents()).toStrictEqual(['0.2', '0.1'])
    await menu.selectOption('0.1')
    await page.waitForURL('**/pawl/0.1/')
  })

  browserTest('says that a page does not exist', async () => {
    const { page } = await openTab()
    const site = await servePages()
    const response = await page.goto(`${site}guides/none`)
    expect(response!.status()).toBe(404)
    await page.getByText('PAGE NOT FOUND').waitFor()
  })
})

describe('what assistants read', () => {
  it('llms.txt lists every page, whose Markdown is there', async () => {
    const text = await readFile(`${SITE}/llms.txt`, 'utf8')
    expect(text).toMatch(/^# Pawl\n\n> .+\n\n## Start\n/)
    const listed = [...text.matchAll(/^- \[.+\]\(https:\/\/pawljs\.github\.io\/pawl\/(.+)\.md\): .+$/gm)]
    expect(listed.map(([, path]) => path!.replace(/index$/, ''))).toStrictEqual(paths)
    const changed = await Promise.all(
      listed.map(async ([, path]) => {
        const [built, source] = await Promise.all(
          [SITE, 'docs'].map((at) => readFile(`${at}/${path}.md`, 'utf8')),
        )
        return withoutLinks(built!) === withoutLinks(source!) ? [] : [path]
      }),
    )
    expect(changed.flat()).toStrictEqual([])
  })

  it('the Markdown of a page links to files of the site, or completely', async () => {
    const missing = await Promise.all(
      paths.map(async (page) => {
        const path = page === '' || page.endsWith('/') ? `${page}index` : page
        const text = (await readFile(`${SITE}/${path}.md`, 'utf8')).replace(/^( *)```.*?^\1```/gms, '')
        const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, link]) => link!)
        return links.filter((link) => !existsSync(join(SITE, dirname(path), link)))
      }),
    )
    expect(missing.flat()).toStrictEqual([])
  })

  it('the alert rules and the dashboard are on the site', async () => {
    for (const name of ['prometheus.yml', 'grafana.json']) {
      const [built, source] = await Promise.all(
        [SITE, 'docs'].map((at) => readFile(`${at}/operate/alerts/${name}`)),
      )
      expect(built!.equals(source!)).toBe(true)
    }
    expect(await readFile(`${SITE}/operate/alerts.html`, 'utf8')).toContain(
      'href="/pawl/operate/alerts/prometheus.yml"',
    )
  })

  it('llms-full.txt holds every page', async () => {
    const text = await readFile(`${SITE}/llms-full.txt`, 'utf8')
    const named = [...text.matchAll(/^<!-- https:\/\/pawljs\.github\.io\/pawl\/(.*) -->$/gm)]
    expect(named.map(([, path]) => path)).toStrictEqual(paths)
  })
})
