/** The parts of the page that differ between examples. */
export interface PageParts {
  /** The markup by which a visitor signs in. */
  readonly signIn?: string
  /** Markup below the user's name. */
  readonly more?: string
}

const SIGN_IN =
  '<label>Name <input name="name" value="anna" required maxlength="40"></label> <button>Sign in</button>'

/** A form that the page posts to `/login`. */
export const signInForm = (fields: string): string => `<form id="login">${fields}</form>`

/** The page of every example: visitors sign in, users sign out. */
export function page(
  name: string | null,
  { signIn = signInForm(SIGN_IN), more = '' }: PageParts = {},
): string {
  const body =
    name === null
      ? signIn
      : `<p>Hello <b>${escapeHtml(name)}</b>. <a href="/me">/me</a></p>${more}<form id="logout"><button>Sign out</button></form>`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A Pawl example</title>
<style>body { font: 1.1rem system-ui; margin: 4rem auto; max-width: 30rem } :root { color-scheme: light dark }</style>
<h1>Pawl</h1>
${body}
<script type="module">
  const post = async (path, body) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (response.ok) location.reload()
    else alert(path + ' failed with status ' + response.status)
  }
  const on = (id, act) => document.getElementById(id)?.addEventListener('submit', (event) => {
    event.preventDefault()
    act(new FormData(event.target))
  })
  on('login', (form) => post('/login', Object.fromEntries(form)))
  on('logout', () => post('/session/logout'))
</script>
</html>
`
}

/** The user who signs in; null if the name is invalid. An application checks a password here. */
export function userNamed(body: unknown): { readonly id: string; readonly name: string } | null {
  const name = typeof body === 'object' && body !== null && 'name' in body ? body.name : null
  if (typeof name !== 'string' || !/^[\p{L}\d .-]{1,40}$/u.test(name)) return null
  return { id: name.toLowerCase(), name }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
