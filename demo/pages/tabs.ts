import { html } from './html.ts'
import { layout } from './layout.ts'

const TABS = Array.from({ length: 10 }, (_, index) => index + 1)

/** Ten tabs of one browser: each tile is a document with a client of its own, and all share one cookie jar. */
export function tabsPage(name: string): string {
  return layout({
    title: 'Ten tabs · pawl demo',
    styles: ['base.css', 'session.css', 'tabs.css'],
    script: 'tabs.js',
    body: html`<header class="bar">
  <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="26" height="26"> pawl <span>demo</span></a>
  <p class="who"><span>Signed in as</span> <b>${name}</b></p>
  <a class="button quiet" href="/">Back</a>
</header>
<main class="race-page">
  <section class="card race-head" aria-labelledby="race-title">
    <div>
      <h1 id="race-title">Ten tabs, one moment</h1>
      <p class="muted">Every tile is a tab of its own, with its own <code>pawl/client</code>; they share the browser’s cookies.
      Their access token is revoked, and all ten ask at once.</p>
    </div>
    <dl class="score">
      <div><dt>Rounds</dt><dd data-rounds>0</dd></div>
      <div><dt>Answered</dt><dd data-answered>0</dd></div>
      <div><dt>Refreshes sent</dt><dd data-refreshes>0</dd></div>
      <div class="good"><dt>Logged out</dt><dd data-logouts>0</dd></div>
    </dl>
    <div class="actions race-actions">
      <button class="primary" type="button" data-go>Expire the token, ask with all ten</button>
      <button type="button" data-lose>The same, and lose the refresh’s answer</button>
      <label class="switch"><input type="checkbox" data-alone> Without locks and messages between tabs</label>
    </div>
    <p class="outcome" data-outcome role="status"></p>
  </section>
  <div class="tiles">${TABS.map(
    (tab) => html`<iframe class="tile" src="/tab?n=${tab}" title="Tab ${tab}"></iframe>`,
  )}</div>
</main>
<div class="visually-hidden" data-announce aria-live="polite"></div>`,
  })
}

/** One of them. */
export function tabPage(): string {
  return layout({
    title: 'Tab · pawl demo',
    styles: ['base.css', 'tabs.css'],
    script: 'tab.js',
    body: html`<main class="tab" data-tab>
  <p class="tab-name" data-name>Tab</p>
  <p class="tab-state" data-state>starting</p>
  <p class="tab-generation" data-generation></p>
</main>`,
  })
}
