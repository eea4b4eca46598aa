import { html } from './html.ts'
import { layout } from './layout.ts'
import { wheel } from './wheel.ts'

export interface SessionPage {
  readonly name: string
  /** The same server under its other name, where the browser keeps other cookies. */
  readonly elsewhere: string
}

export function sessionPage({ name, elsewhere }: SessionPage): string {
  return layout({
    title: `${name} · pawl demo`,
    styles: ['base.css', 'session.css'],
    script: 'session.js',
    body: html`<header class="bar">
  <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="26" height="26"> pawl <span>demo</span></a>
  <p class="who" data-who><span>Signed in as</span> <b>${name}</b></p>
  <button class="quiet" type="button" data-sign-out>Sign out</button>
</header>
<main class="session">
  <p class="calm" data-calm role="status" hidden></p>
  <section class="caught" data-caught hidden aria-labelledby="caught-title">
    <p class="eyebrow" data-caught-code></p>
    <h1 id="caught-title" data-caught-title tabindex="-1"></h1>
    <div class="caught-columns">
      <div><h2>What happened</h2><p data-caught-what></p></div>
      <div><h2>Why Pawl did this</h2><p data-caught-why></p></div>
      <div class="letter"><h2>What an application would tell the user</h2><p data-caught-tell></p></div>
    </div>
    <a class="button primary" href="/?as=${encodeURIComponent(name)}">Sign in again</a>
  </section>

  <section class="card live" aria-labelledby="live-title" data-live>
    <div class="live-wheel">${wheel('0')}</div>
    <div class="live-facts">
      <h1 id="live-title">This session</h1>
      <div class="token">
        <p class="token-name">Access token <span class="muted">checked without asking the database</span></p>
        <p class="token-time"><b data-access-left>–</b></p>
        <div class="track" aria-hidden="true"><div data-access-bar></div></div>
      </div>
      <dl class="facts">
        <div><dt>Refresh token, renewed by turns</dt><dd data-refresh-left>–</dd></div>
        <div><dt>Last refresh</dt><dd data-last-refresh>–</dd></div>
        <div><dt>Device</dt><dd data-device>–</dd></div>
        <div><dt>Cookies</dt><dd data-persistent>–</dd></div>
      </dl>
      <div class="actions">
        <button class="primary" type="button" data-refresh>Refresh now</button>
        <button type="button" data-use>Use the session</button>
      </div>
      <p class="outcome" data-outcome role="status"></p>
    </div>
  </section>

  <section class="card steal" aria-labelledby="steal-title" data-steal>
    <p class="badge">Demo only</p>
    <h2 id="steal-title">Steal this session</h2>
    <p>This copies your refresh token out of its HttpOnly cookie, as malware with access to the browser’s cookie
    file could, and opens <b>the thief’s view</b> in a new tab.</p>
    <p>Let the thief refresh there and put both tabs side by side: within half a minute one of you comes back with a
    token from the past, and the session is over for both.</p>
    <form method="post" action="/session/steal" target="_blank" rel="noopener">
      <button class="danger wide">Steal this session <span aria-hidden="true">↗</span></button>
    </form>
  </section>

  <section class="card race" aria-labelledby="race-title" data-race>
    <div>
      <h2 id="race-title">Ten tabs at once</h2>
      <p class="muted">All of them find out at the same moment that their access token is over. Elsewhere that is when people are
      logged out at random.</p>
    </div>
    <a class="button" href="/tabs">Put ten tabs side by side</a>
  </section>

  <section class="card events" aria-labelledby="events-title">
    <h2 id="events-title">Live events <span class="live-dot" data-stream role="img" aria-label="connecting"></span></h2>
    <p class="empty" data-no-events>Waiting for the first turn of the ratchet …</p>
    <ol class="log" data-log tabindex="0" aria-labelledby="events-title"></ol>
  </section>

  <section class="card devices" aria-labelledby="devices-title" data-devices>
    <h2 id="devices-title">Your devices</h2>
    <ul class="device-list" data-device-list></ul>
    <div class="actions">
      <button type="button" data-add-device>Add a simulated device</button>
      <button class="quiet" type="button" data-end-others>End all others</button>
    </div>
    <p class="muted hint">Or sign in for real on a second one: <a href="${elsewhere}" target="_blank" rel="noopener">this
    server under its other name</a> has cookies of its own, and so has a private window.</p>
  </section>
</main>
<div class="visually-hidden" data-announce aria-live="polite"></div>`,
  })
}
