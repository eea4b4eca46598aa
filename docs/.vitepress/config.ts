import { cpSync, readFileSync } from 'node:fs'
import { type DefaultTheme, defineConfig, type HeadConfig } from 'vitepress'
import { writeForAssistants } from './llms.ts'
import { adaptMarkdown, SERVED_FOLDERS, slugify } from './markdown.ts'
import { readSections } from './pages.ts'
import { ROOT } from './places.ts'
import { checkLinks } from './site-links.ts'

const { version, description, exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'))
const REPOSITORY = 'https://github.com/pawljs/pawl'
const SITE = `https://pawljs.github.io${ROOT}`
/** A release keeps its site in a folder of its own (`scripts/publish-docs.js`). */
const base = process.env['DOCS_BASE'] ?? ROOT
const ref = process.env['DOCS_REF'] ?? 'main'
const FILES = `${REPOSITORY}/blob/${ref}`
const API = 'reference/api'
const sections = readSections()

export default defineConfig({
  title: 'Pawl',
  description,
  lang: 'en-US',
  base,
  cleanUrls: true,
  head: [
    ['link', { rel: 'icon', href: `${base}logo.svg`, type: 'image/svg+xml' }],
    ['meta', { property: 'og:site_name', content: 'Pawl' }],
    ['meta', { property: 'og:type', content: 'website' }],
    ['link', { rel: 'alternate', type: 'text/plain', href: `${base}llms.txt`, title: 'llms.txt' }],
  ],
  markdown: {
    anchor: { slugify },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (markdown) => adaptMarkdown(markdown, FILES),
  },
  themeConfig: {
    logo: '/logo.svg',
    nav: [
      ...sections.map(({ text, folder, groups }) => ({
        text,
        link: linkTo(groups[0]!.pages[0]!.path),
        activeMatch: folder === 'understand' ? '^/(?:understand/|protocol)' : `^/${folder}/(?!api/)`,
      })),
      { text: 'API', link: `/${API}/`, activeMatch: `^/${API}/` },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: {
      provider: 'local',
      // The name of the button is what it shows.
      options: {
        translations: { button: { buttonAriaLabel: '' } },
        // The guides come before the many pages of the API.
        miniSearch: {
          searchOptions: { boostDocument: (id: string) => (id.includes('/reference/api/') ? 0.2 : 1) },
        },
      },
    },
    editLink: { pattern: `${REPOSITORY}/edit/main/docs/:path`, text: 'Edit this page' },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    footer: { message: 'MIT license', copyright: `Pawl ${version}` },
    externalLinkIcon: true,
  },
  // The index of the search and the longest page of the API.
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  sitemap: { hostname: SITE },
  transformHead: ({ pageData }): HeadConfig[] => {
    const path = pageData.relativePath.replace(/(?:(^|\/)index)?\.md$/, '$1')
    // Search engines list the newest release alone.
    return [['link', { rel: 'canonical', href: SITE + path }]]
  },
  transformPageData: (page) => {
    // TypeDoc writes these pages from `src`.
    if (page.relativePath.startsWith(`${API}/`)) page.frontmatter['editLink'] = false
  },
  buildEnd: ({ outDir }) => {
    cpSync('node_modules/mermaid/dist/mermaid.esm.min.mjs', `${outDir}/mermaid/mermaid.esm.min.mjs`)
    cpSync('node_modules/mermaid/dist/chunks/mermaid.esm.min', `${outDir}/mermaid/chunks/mermaid.esm.min`, {
      recursive: true,
      filter: (path) => !path.endsWith('.map'),
    })
    for (const folder of SERVED_FOLDERS) cpSync(`docs/${folder}`, `${outDir}/${folder}`, { recursive: true })
    writeForAssistants(outDir, sections, { description, site: SITE, files: FILES })
    checkLinks(outDir, base)
  },
})

/** A sidebar for each section. */
function sidebar(): DefaultTheme.Sidebar {
  const bars: DefaultTheme.SidebarMulti = {}
  for (const { folder, groups } of sections) {
    const items = groups.map(({ text, pages }) => ({
      text,
      items: pages.map(({ path, title }) => ({ text: title, link: linkTo(path) })),
    }))
    bars[`/${folder}/`] = items
    for (const { path } of groups.flatMap(({ pages }) => pages))
      if (!path.startsWith(`${folder}/`)) bars[`/${path}`] = items
  }
  const api = Object.keys(entries)
    .filter((path) => path !== './package.json')
    .map((path) => `pawl${path.slice(1)}`)
    .map((entry) => ({ text: entry, link: `/${API}/${entry}` }))
  bars['/reference/'] = [
    ...(bars['/reference/'] as DefaultTheme.SidebarItem[]),
    { text: 'API', link: `/${API}/`, items: api },
  ]
  return bars
}

function linkTo(path: string): string {
  return `/${path.replace(/index$/, '')}`
}
