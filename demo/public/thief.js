/**
 * DEMO ONLY: what a thief does with a stolen refresh token, through the routes any mobile app would use.
 */
import { send } from './client.js'
import { announce, at, clockTime, element } from './dom.js'

const EVERY = 4000
const MOST_LINES = 100

/** @type {string | null} */
let refreshToken = sessionStorage.getItem('loot')
/** @type {string | null} */
let accessToken = null
/** @type {number | undefined} */
let automatic
/** @type {string | null} */
let sessionId = null
let busy = false

/** @param {string} path @param {RequestInit} init */
function steal(path, init) {
  // The tab shares its cookie jar with the owner's; a real thief would not, so none are sent.
  return send(path, { ...init, credentials: 'omit' })
}

/** @param {string} what @param {number} status @param {string} text */
function line(what, status, text) {
  const kind = status === 200 ? 'good' : 'bad'
  const item = element('li', '')
  item.append(
    element('time', '', clockTime(Date.now())),
    element('span', '', what),
    element('span', kind, status === 0 ? '–' : String(status)),
    element('span', kind, text),
  )
  const log = at('log')
  log.prepend(item)
  while (log.children.length > MOST_LINES) log.lastElementChild.remove()
}

/** @param {string | null} token */
const shorten = (token) => (token === null ? 'none yet' : `${token.slice(0, 16)}…${token.slice(-8)}`)

function showLoot() {
  at('refresh-token').textContent = shorten(refreshToken)
  at('access-token').textContent = shorten(accessToken)
}

async function refresh() {
  const answer = await steal('/session/refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'pawl-transport': 'bearer' },
    body: JSON.stringify({ refreshToken }),
  })
  const { status, body } = answer
  if (status === 200) {
    const kept = body.refreshToken === null
    refreshToken = body.refreshToken ?? refreshToken
    accessToken = body.accessToken
    sessionStorage.setItem('loot', refreshToken)
    showLoot()
    line(
      'POST /session/refresh',
      status,
      kept ? 'new access token, keep the refresh token' : 'a fresh pair of tokens',
    )
    return true
  }
  line('POST /session/refresh', status, body?.code ?? 'no answer')
  if (status === 401) await caught(body.code)
  return false
}

async function use() {
  const { status, body } = await steal('/api/me', {
    headers: { authorization: `Bearer ${accessToken ?? ''}`, 'pawl-transport': 'bearer' },
  })
  if (status === 200) {
    sessionId = body.sessionId
    at('victim').textContent = `${body.name}, generation ${body.generation}`
    line('GET /api/me', status, `I am “${body.name}”`)
  } else {
    line('GET /api/me', status, body?.code ?? 'no answer')
    if (status === 401 && body.refresh === false) await caught(body.code)
  }
}

/** @param {string} code */
async function caught(code) {
  setAutomatic(false)
  sessionStorage.removeItem('loot')
  const mine = code === 'refresh_token_reused'
  // What a real thief would never learn, but whoever watches wants to know.
  const ending = sessionId === null || mine ? null : await steal(`/api/endings/${sessionId}`, {})
  const reused = mine || ending?.body?.reason === 'reuse'
  at('verdict-code').textContent = `401 ${code}`
  at('verdict-title').textContent = reused ? 'CAUGHT.' : 'LOCKED OUT.'
  at('verdict-text').textContent = mine
    ? 'Your token was from the past: the owner had moved on. Two holders, so the session is over for both, and everything you stole is worthless.'
    : reused
      ? 'You had moved on, and then the owner came back with a token from your past. Two holders, so the session is over for both, and everything you stole is worthless.'
      : 'The session has ended under you, by sign-out for example. Everything you stole is worthless now.'
  at('verdict').hidden = false
  for (const name of ['refresh', 'use', 'auto']) at(name).toggleAttribute('disabled', true)
  at('refresh-token').textContent = 'worthless'
  at('access-token').textContent = 'worthless'
  document.title = `${reused ? 'Caught' : 'Locked out'} · pawl demo`
  announce(`${reused ? 'Caught' : 'Locked out'}. ${code}`)
  document.body.classList.add('over')
  at('verdict-title').focus()
  scrollTo({ top: 0 })
}

/** One thing at a time: a thief in a hurry would only trip over himself. @param {() => Promise<unknown>} action */
async function alone(action) {
  if (busy) return
  busy = true
  await action().finally(() => {
    busy = false
  })
}

/** @param {boolean} on */
function setAutomatic(on) {
  clearInterval(automatic)
  automatic = undefined
  at('auto').setAttribute('aria-pressed', String(on))
  if (!on) return
  const round = () => alone(async () => void ((await refresh()) && (await use())))
  automatic = setInterval(round, EVERY)
  void round()
}

async function collect() {
  const id = location.hash.slice(1)
  // The reference works once; a reload goes on with what this tab already holds.
  history.replaceState(null, '', '/thief')
  if (id === '') return
  const { status, body } = await steal('/thief/loot', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id }),
  })
  if (status === 200) {
    refreshToken = body.refreshToken
    sessionStorage.setItem('loot', refreshToken)
  }
}

at('refresh').addEventListener('click', () => void alone(refresh))
at('use').addEventListener('click', () => void alone(use))
at('auto').addEventListener('click', () => setAutomatic(automatic === undefined))

await collect()
if (refreshToken === null) {
  at('refresh-token').textContent = 'nothing here: go back and press “Steal this session”'
} else {
  showLoot()
  for (const name of ['refresh', 'use', 'auto']) at(name).toggleAttribute('disabled', false)
}
