import { at } from './dom.js'

/** How often a tab asks again when its refresh got no answer. */
const TRIES = 4

const parameters = new URLSearchParams(location.search)
const number = parameters.get('n') ?? '?'
if (parameters.has('alone')) {
  // A browser without them. Nothing that is right depends on these.
  Object.defineProperty(navigator, 'locks', { value: undefined })
  Object.defineProperty(globalThis, 'BroadcastChannel', { value: undefined })
}
const { createClient } = await import('./client.js')

let refreshed = false
const { client } = createClient({
  refreshing() {
    refreshed = true
    show('refreshing', 'refreshes')
    tell('refresh')
  },
  settled() {},
  refreshed() {},
  calm() {},
  ended: () => show('signed out', 'over'),
})

/** @param {string} text @param {string} kind */
function show(text, kind) {
  at('state').textContent = text
  at('tab').className = `tab ${kind}`
}

/** @param {string} what @param {object} [more] */
function tell(what, more = {}) {
  parent.postMessage({ what, number, ...more }, location.origin)
}

async function ask() {
  refreshed = false
  show('asks', 'asks')
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      const response = await client.fetch('/api/me')
      if (response.status === 401) break
      if (response.ok) {
        const { generation } = await response.json()
        at('generation').textContent = `generation ${generation}`
        show(refreshed ? 'refreshed' : attempt > 1 ? 'asked again' : 'in step', refreshed ? 'did' : 'heard')
        return tell('answered')
      }
    } catch {
      refreshed = false
      show('answer lost', 'lost')
    }
    await new Promise((resolve) => setTimeout(resolve, 300 * attempt))
  }
  show('signed out', 'over')
  tell('logout')
}

addEventListener('message', ({ origin, data }) => {
  if (origin === location.origin && data === 'ask') void ask()
})
at('name').textContent = `Tab ${number}`
show('ready', '')
tell('ready')
