import { createClient } from './client.js'
import { announce, at } from './dom.js'

const tiles = /** @type {NodeListOf<HTMLIFrameElement>} */ (document.querySelectorAll('.tile'))
const score = { rounds: 0, answered: 0, refreshes: 0, logouts: 0 }
/** Tiles that have not said how the round ended for them. @type {Set<string>} */
const open = new Set()
let refreshesBefore = 0

const { call } = createClient({
  refreshing() {},
  settled() {},
  refreshed() {},
  calm() {},
  ended: () => location.replace('/'),
})

function show() {
  for (const [name, value] of Object.entries(score)) at(name).textContent = String(value)
}

/** @param {boolean} busy */
function lock(busy) {
  for (const name of ['go', 'lose', 'alone']) at(name).toggleAttribute('disabled', busy)
}

/** @param {boolean} losing */
async function round(losing) {
  lock(true)
  at('outcome').textContent = ''
  score.rounds++
  refreshesBefore = score.refreshes
  if (losing) await call('/api/lose', { method: 'POST' })
  await call('/api/expire', { method: 'POST' })
  for (const tile of tiles) {
    open.add(new URL(tile.src).searchParams.get('n') ?? '')
    tile.contentWindow?.postMessage('ask', location.origin)
  }
}

function ended() {
  lock(false)
  const refreshes = score.refreshes - refreshesBefore
  const text =
    score.logouts > 0
      ? 'A tab was logged out.'
      : `All ten tabs are signed in, after ${refreshes} ${refreshes === 1 ? 'refresh' : 'refreshes'}.`
  at('outcome').textContent = text
  announce(text)
}

addEventListener('message', ({ origin, data }) => {
  if (origin !== location.origin || typeof data?.what !== 'string') return
  if (data.what === 'refresh') score.refreshes++
  if (data.what === 'answered') score.answered++
  if (data.what === 'logout') score.logouts++
  show()
  if ((data.what === 'answered' || data.what === 'logout') && open.delete(data.number) && open.size === 0)
    ended()
})

at('go').addEventListener('click', () => round(false))
at('lose').addEventListener('click', () => round(true))
at('alone').addEventListener('change', (event) => {
  const alone = /** @type {HTMLInputElement} */ (event.target).checked
  for (const [index, tile] of tiles.entries()) tile.src = `/tab?n=${index + 1}${alone ? '&alone' : ''}`
})
history.replaceState(null, '', '/tabs')
