import { html } from './html.ts'
import { layout } from './layout.ts'
import { wheel } from './wheel.ts'

export interface SessionPage {
  readonly name: string
  /** This page at the server's other host name, where the browser keeps other cookies. */
  readonly otherHost: string
  /** Whether the page is served over https, where Chrome binds sessions by itself. */
  readonly secure: boolean
}

export function sessionPage({ name, otherHost, secure }: SessionPage): string {
  return layout({
    title: `${name} · pawl demo`,
    styles: ['base.css', 'session.css'],
    script: 'session.js',
    body: html`<header class="bar">
  <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="26" height="26"> pawl <span>demo</span></a>
  <p class="who" data-who><span>Signed in as</span> <b>${name}</b></p>
  <button class="quiet" type="button" data-sign-out disabled>Sign out</button>
</header>
<main class="session">
  <p class="banner" data-banner hidden></p>
  <section class="ending" data-ending hidden aria-labelledby="ending-title">
    <p class="eyebrow" data-ending-code></p>
    <h1 id="ending-title" data-ending-title tabindex="-1"></h1>
    <div class="ending-columns">
      <div><h2>What happened</h2><p data-ending-what></p></div>
      <div><h2>Why Pawl did this</h2><p data-ending-why></p></div>
      <div class="letter"><h2>What to tell the user</h2><p data-ending-message></p></div>
    </div>
    <a class="button primary" href="/?as=${encodeURIComponent(name)}">Sign in again</a>
  </section>

  <section class="card live" aria-labelledby="live-title" data-live>
    <div class="live-wheel">${wheel('0')}</div>
    <div class="live-facts">
      <h1 id="live-title">This session</h1>
      <div class="token">
        <p class="token-name">Access token <span class="muted">verified without a database query</span></p>
        <p class="token-time"><b data-access-left>–</b></p>
        <div class="track" aria-hidden="true"><div data-access-bar></div></div>
      </div>
      <dl class="facts">
        <div><dt>Refresh token expires in</dt><dd data-refresh-left>–</dd></div>
        <div><dt>Last refresh</dt><dd data-last-refresh>–</dd></div>
        <div><dt>Device</dt><dd data-device>–</dd></div>
        <div><dt>Cookies</dt><dd data-persistent>–</dd></div>
        <div class="bound" data-binding><dt>Bound to</dt><dd data-bound>–</dd></div>
      </dl>
      <div class="actions">
        <button class="primary" type="button" data-refresh disabled>Refresh now</button>
        <button type="button" data-use disabled>Call the API</button>
      </div>
      <p class="outcome" data-outcome role="status"></p>
    </div>
  </section>

  <section class="card steal" aria-labelledby="steal-title" data-steal>
    <p class="badge">Demo only</p>
    <h2 id="steal-title">Steal this session</h2>
    <p>This copies your refresh token from its HttpOnly cookie, like malware that reads the browser’s cookie file. A new
    tab opens with <b>the thief’s view</b>.</p>
    <p data-steal-unbound>Press <b>auto</b> there, and put both tabs side by side. While you and the thief both use the
    session, Pawl detects the theft within a minute and ends the session for both. If the thief stops earlier, the copied
    token still becomes worthless.</p>
    <p data-steal-bound hidden>This session is bound to a key of this browser, which the thief cannot copy with the cookie.
    Press <b>refresh</b> there: Pawl refuses the thief at once, and you stay signed in.</p>
    <p class="muted">${
      secure
        ? 'On https, Chrome itself binds the session where the computer has a chip for keys (DBSC).'
        : html`On plain http, <code>pawl/client/bind</code> binds the session. Chrome’s own binding (DBSC) needs https: start
        the demo with <code>HTTPS_PORT=3443</code>.`
    }</p>
    <form method="post" action="/session/steal" target="_blank" rel="noopener">
      <button class="danger wide">Steal this session <span aria-hidden="true">↗</span></button>
    </form>
  </section>

  <section class="card race" aria-labelledby="race-title" data-race>
    <div>
      <h2 id="race-title">Ten tabs at once</h2>
      <p class="muted">The access token expires in all tabs at the same moment. Many session libraries then sign users
      out at random.</p>
    </div>
    <a class="button" href="/tabs">Open ten tabs side by side</a>
  </section>

  <section class="card events" aria-labelledby="events-title">
    <h2 id="events-title">Live events <span class="live-dot" data-stream role="img" aria-label="connecting"></span></h2>
    <p class="empty" data-no-events>Waiting for the first event …</p>
    <ol class="log" data-log tabindex="0" aria-labelledby="events-title"></ol>
  </section>

  <section class="card devices" aria-labelledby="devices-title" data-devices>
    <h2 id="devices-title">Your devices</h2>
    <ul class="device-list" data-device-list></ul>
    <div class="actions">
      <button type="button" data-add-device disabled>Add a simulated device</button>
      <button class="quiet" type="button" data-end-others disabled>Sign out all others</button>
    </div>
    <p class="muted hint">You can also sign in a second time for real: in a private window, or <a href="${otherHost}" target="_blank" rel="noopener">at
    this server’s other host name</a>. Both have cookies of their own.</p>
  </section>
</main>
<div class="visually-hidden" data-announce aria-live="polite"></div>`,
  })
}
