import { delay } from './delay.js'
import { find } from './dom.js'

const MAX_ATTEMPTS = 4

const parameters = new URLSearchParams(location.search)
const number = parameters.get('n') ?? '?'
if (parameters.has('alone')) {
  // Simulates a browser without these features. They save requests, but the protocol does not depend on them.
  Object.defineProperty(navigator, 'locks', { value: undefined })
  Object.defineProperty(globalThis, 'BroadcastChannel', { value: undefined })
}
const { createClient } = await import('./client.js')

let refreshed = false
const client = createClient({
  refreshing() {
    refreshed = true
    show('refreshing', 'refreshing')
    report('refresh')
  },
  ended: () => show('signed out', 'signed-out'),
})

/** @param {string} text @param {string} kind */
function show(text, kind) {
  find('state').textContent = text
  find('tab').className = `tab ${kind}`
}

/** @param {string} type */
function report(type) {
  parent.postMessage({ type, number }, location.origin)
}

async function sendRequest() {
  refreshed = false
  show('requesting', 'requesting')
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    try {
      const response = await client.fetch('/api/me')
      if (response.status === 401) {
        show('signed out', 'signed-out')
        return report('signed-out')
      }
      if (response.ok) {
        const { generation } = await response.json()
        find('generation').textContent = `generation ${generation}`
        if (refreshed) show('refreshed', 'refreshed')
        else show(attempt > 1 ? 'retried' : 'up to date', 'up-to-date')
        return report('answered')
      }
    } catch {
      refreshed = false
      show('response lost', 'lost')
    }
    await delay(300 * attempt)
  }
  show('no answer', 'lost')
  report('no-answer')
}

addEventListener('message', ({ origin, data }) => {
  if (origin === location.origin && data === 'send-request') void sendRequest()
})
find('name').textContent = `Tab ${number}`
show('ready', '')
