import { type Html, html, inputValue } from './html.ts'
import type { Page, Section, View } from './view.ts'

const SECTIONS: readonly (readonly [section: Section, path: string, name: string])[] = [
  ['overview', '/', 'Overview'],
  ['users', '/users', 'Users'],
  ['reuse', '/reuse', 'Reuse'],
  ['history', '/history', 'History'],
]

/** The whole document. */
export function layout(view: View, { title, main, section }: Page, notice: Html | null): string {
  const { base, actor, mayAct, query, engine } = view
  const { inspect } = engine.store
  const entries = SECTIONS.filter(
    ([name]) =>
      (name !== 'reuse' || inspect !== undefined) && (name !== 'history' || inspect?.history !== undefined),
  )
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Pawl</title>
<link rel="stylesheet" href="${base}/console.css">
<script type="module" src="${base}/console.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="${base}/">${LOGO}Pawl</a>
<nav aria-label="Console">${entries.map(
    ([name, path, text]) =>
      html`<a href="${base}${path}"${name === section ? html` aria-current="page"` : null}>${text}</a>`,
  )}</nav>
<form class="search" role="search" action="${base}/users">
<label class="hidden" for="q">User id, its beginning, or a session id</label>
<input id="q" name="q" type="search" value="${section === 'users' ? inputValue((query.get('q') ?? '').slice(0, 255)) : ''}" maxlength="255" placeholder="User id or session id" autocomplete="off" autocapitalize="off" spellcheck="false">
<button class="hidden-button" aria-label="Search">${SEARCH}</button>
</form>
<p class="who"><span class="hidden">You are </span><bdi>${actor}</bdi>${mayAct ? null : html` <span class="tag">read-only</span>`}</p>
</header>
<main id="main" tabindex="-1">
${notice}${main}
</main>
<footer>Times are in UTC. Hover over a time to see it exactly.</footer>
</body>
</html>
`.text
}

/** A pawl that holds a wheel. */
const LOGO: Html = html`<svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><circle cx="11" cy="13" r="7"/><path d="M11 9v4l3 2"/><path d="M15 3l6 3-3.5 3.5"/></svg>`
const SEARCH: Html = html`<svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="9" cy="9" r="5.5"/><path d="M13.2 13.2 17 17"/></svg>`

/** A page for a request that the console does not serve. It says nothing about sessions, and loads nothing. */
export function plainPage(title: string, text: string): string {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${title}</title></head><body><main><h1>${title}</h1><p>${text}</p></main></body></html>
`.text
}
