import { send } from './client.js'
import { at } from './dom.js'
import { SIGNED_OUT } from './words.js'

// A navigation that was resumed through the refresh route carries a marker that nobody needs to see.
history.replaceState(null, '', '/')

// Cookies of an ended session may be gone by now, so the tab itself remembers which one it had.
const last = sessionStorage.getItem('pawl-demo-session')
sessionStorage.removeItem('pawl-demo-session')
if (last !== null) {
  const { body } = await send(`/api/endings/${encodeURIComponent(last)}`)
  const words = SIGNED_OUT[body?.reason]
  if (words !== undefined && body.reason !== 'logout') {
    const notice = at('notice')
    notice.textContent = `${words.title} ${words.what}`
    notice.classList.toggle('alarm', body.reason === 'reuse')
    notice.hidden = false
  }
}
