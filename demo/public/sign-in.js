import { createClient } from './client.js'
import { find } from './dom.js'
import { SIGNED_OUT } from './messages.js'
import { send } from './request.js'

// The refresh route marks the address of a page load that it resumed.
history.replaceState(null, '', '/')

// The cookies of an ended session are deleted, so the tab itself keeps the id of its last session.
const lastSession = sessionStorage.getItem('pawl-demo-session')
sessionStorage.removeItem('pawl-demo-session')
if (lastSession !== null) {
  const { body } = await send(`/api/endings/${encodeURIComponent(lastSession)}`)
  const texts = SIGNED_OUT[body?.reason]
  if (texts !== undefined && body.reason !== 'logout') {
    const notice = find('notice')
    notice.textContent = `${texts.title} ${texts.what}`
    notice.classList.toggle('alarm', body.reason === 'reuse')
    notice.hidden = false
  }
}

// `pawl/client` takes the challenge from the answer, and binds the session. Without a script the form signs in too.
const client = createClient({})
const form = /** @type {HTMLFormElement} */ (document.querySelector('form'))
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const fields = new URLSearchParams(/** @type {any} */ (new FormData(form)))
  try {
    const signedIn = await client.signIn(async () => {
      const response = await fetch(form.action, {
        method: 'POST',
        headers: { accept: 'application/json' },
        body: fields,
      })
      if (!response.ok) return null
      const { deviceChallenge, ...answer } = await response.json()
      return fields.has('bind') ? { ...answer, deviceChallenge } : answer
    })
    if (signedIn) return location.replace('/')
  } catch {
    // The page that the form loads says what is wrong.
  }
  form.submit()
})
