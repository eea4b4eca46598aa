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
