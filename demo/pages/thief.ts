import { html } from './html.ts'
import { layout } from './layout.ts'

export function thiefPage(): string {
  return layout({
    title: 'The thief’s view · pawl demo',
    styles: ['thief.css'],
    script: 'thief.js',
    body: html`<main class="thief">
  <p class="banner" data-banner hidden></p>
  <header>
    <p class="badge">Demo only</p>
    <h1><span aria-hidden="true">▌</span>the thief’s view</h1>
    <p>This tab sends no cookies. It holds a stolen refresh token and calls the same public routes as a mobile app in
    bearer mode: <code>POST /session/refresh</code> and <code>GET /api/me</code>.</p>
    <p>If the session is bound to a key, Pawl refuses the first refresh. If not, refresh and call the API here while the
    owner does the same in the other tab. Each rotation makes older refresh tokens invalid. Whoever uses one again ends
    the session for both.</p>
  </header>

  <section class="verdict" data-verdict aria-labelledby="verdict-title" hidden>
    <p data-verdict-code></p>
    <h2 id="verdict-title" data-verdict-title tabindex="-1"></h2>
    <p data-verdict-text></p>
  </section>

  <section class="loot" aria-labelledby="loot-title">
    <h2 id="loot-title">loot</h2>
    <dl>
      <div><dt>refresh token</dt><dd data-refresh-token>none</dd></div>
      <div><dt>access token</dt><dd data-access-token>none yet</dd></div>
      <div><dt>signed in as</dt><dd data-victim>unknown yet</dd></div>
    </dl>
    <div class="actions">
      <button type="button" data-refresh disabled>refresh</button>
      <button type="button" data-use disabled>call the API</button>
      <button type="button" data-auto aria-pressed="false" disabled>auto: both every 4 s</button>
    </div>
  </section>

  <section class="terminal" aria-labelledby="terminal-title">
    <h2 id="terminal-title">responses</h2>
    <ol data-log tabindex="0" aria-labelledby="terminal-title"></ol>
  </section>
</main>
<div class="visually-hidden" data-announce aria-live="polite"></div>`,
  })
}
