import { MAX_NAME_LENGTH } from '../user-name.ts'
import { html } from './html.ts'
import { layout } from './layout.ts'
import { wheel } from './wheel.ts'

/** @param name the field's initial value @param error shown below the field */
export function signInPage(name: string, error: string | null): string {
  return layout({
    title: 'Sign in · pawl demo',
    styles: ['base.css', 'sign-in.css'],
    script: 'sign-in.js',
    body: html`<main class="sign-in">
  <section class="sign-in-story">
    ${wheel('0')}
    <h1>A session that turns one way only.</h1>
    <p class="lead">Each refresh turns the ratchet by one tooth and replaces the refresh token. If somebody uses an old
    one again, the session was stolen. Pawl then ends it for owner and thief alike.</p>
  </section>
  <section class="card sign-in-card" aria-labelledby="sign-in-title">
    <div class="notice" data-notice role="status" hidden></div>
    <h2 id="sign-in-title">Sign in</h2>
    <p class="muted">Any name works, without a password. Your application brings its own login, and Pawl takes over
    at “this is user 42”.</p>
    <form method="post" action="/login">
      <label for="name">Your name</label>
      <input id="name" name="name" value="${name}" maxlength="${MAX_NAME_LENGTH}" required autocomplete="username"
        autocapitalize="words" spellcheck="false" autofocus ${error === null ? null : html`aria-invalid="true" aria-describedby="name-error"`}>
      ${error === null ? null : html`<p class="field-error" id="name-error">${error}</p>`}
      <label class="check"><input type="checkbox" name="remember" checked> <span>Remember me
        <small>Stay signed in after the browser is closed</small></span></label>
      <label class="check"><input type="checkbox" name="bind" checked> <span>Bind to this device
        <small>Only this browser can refresh the session. Without it, see how Pawl detects a thief</small></span></label>
      <button class="primary wide">Sign in</button>
    </form>
    <ol class="steps">
      <li>Watch the session refresh by itself.</li>
      <li>Steal it in a second tab.</li>
      <li>See Pawl refuse the thief, or detect the theft.</li>
    </ol>
  </section>
</main>`,
  })
}
