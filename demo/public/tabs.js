import { createClient } from './client.js'
import { createConnection } from './connection.js'
import { announce, find } from './dom.js'

const tabs = /** @type {NodeListOf<HTMLIFrameElement>} */ (document.querySelectorAll('.tile'))
const score = { rounds: 0, answered: 0, refreshes: 0, 'signed-out': 0 }
/** Tabs that got no answer in this round. */
let unanswered = 0
/** Numbers of the tabs that have not finished the round. @type {Set<string>} */
const pending = new Set()
let refreshesBefore = 0

const connection = createConnection()
const client = createClient({
  noResponse: () => void connection.check(),
  retrying: (seconds) => connection.unavailable(seconds),
  ended: () => location.replace('/'),
})

function showScore() {
  for (const [name, value] of Object.entries(score)) find(name).textContent = String(value)
}

/** @param {boolean} disabled */
function disableControls(disabled) {
  for (const name of ['expire', 'drop', 'alone']) find(name).toggleAttribute('disabled', disabled)
}

/** @param {string} text */
function tell(text) {
  find('outcome').textContent = text
  announce(text)
}

/** @param {boolean} dropResponse whether the response to the first refresh gets lost */
async function startRound(dropResponse) {
  disableControls(true)
  find('outcome').textContent = ''
  score.rounds++
  refreshesBefore = score.refreshes
  unanswered = 0
  if (dropResponse) await client.call('/api/drop', { method: 'POST' })
  await client.call('/api/expire', { method: 'POST' })
  for (const tab of tabs) {
    pending.add(new URL(tab.src).searchParams.get('n') ?? '')
    tab.contentWindow?.postMessage('send-request', location.origin)
  }
}

function finishRound() {
  disableControls(false)
  const refreshes = score.refreshes - refreshesBefore
  if (score['signed-out'] > 0) tell('A tab was signed out.')
  else if (unanswered > 0)
    tell(`The server did not answer ${unanswered} of the ten tabs. No tab was signed out.`)
  else
    tell(`All ten tabs are still signed in, after ${refreshes} ${refreshes === 1 ? 'refresh' : 'refreshes'}.`)
}

addEventListener('message', ({ origin, data }) => {
  if (origin !== location.origin || typeof data?.type !== 'string') return
  if (data.type === 'refresh') score.refreshes++
  if (data.type === 'answered') score.answered++
  if (data.type === 'signed-out') score['signed-out']++
  if (data.type === 'no-answer') unanswered++
  showScore()
  if (data.type !== 'refresh' && pending.delete(data.number) && pending.size === 0) finishRound()
})

find('expire').addEventListener('click', () => startRound(false))
find('drop').addEventListener('click', () => startRound(true))
find('alone').addEventListener('change', (event) => {
  const alone = /** @type {HTMLInputElement} */ (event.target).checked
  for (const [index, tab] of tabs.entries()) tab.src = `/tab?n=${index + 1}${alone ? '&alone' : ''}`
})
disableControls(false)
history.replaceState(null, '', '/tabs')
