import { html } from './html.ts'
import { layout } from './layout.ts'

const TABS = Array.from({ length: 10 }, (_, index) => index + 1)

/** Ten tabs of one browser: each frame has its own client, and all share the cookies. */
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
  <p class="banner" data-banner hidden></p>
  <section class="card race-head" aria-labelledby="race-title">
    <div>
      <h1 id="race-title">Ten tabs at once</h1>
      <p class="muted">Each tile is a tab with its own <code>pawl/client</code>. All share the browser’s cookies, and all
      send a request when the access token expires.</p>
    </div>
    <dl class="score">
      <div><dt>Rounds</dt><dd data-rounds>0</dd></div>
      <div><dt>Answered</dt><dd data-answered>0</dd></div>
      <div><dt>Refreshes sent</dt><dd data-refreshes>0</dd></div>
      <div class="good"><dt>Signed out</dt><dd data-signed-out>0</dd></div>
    </dl>
    <div class="actions race-actions">
      <button class="primary" type="button" data-expire disabled>Expire the access token</button>
      <button type="button" data-drop disabled>Expire it and lose the refresh response</button>
      <label class="switch"><input type="checkbox" data-alone disabled> Without Web Locks and BroadcastChannel</label>
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

/** One of the ten tabs. */
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
