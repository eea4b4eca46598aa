/** DEMO ONLY: a thief who uses a stolen refresh token through the public routes, as a mobile app does. */
import { clockTime } from './clock-time.js'
import { createConnection } from './connection.js'
import { announce, createElement, find } from './dom.js'
import { send } from './request.js'

const INTERVAL = 4000
const MAX_LINES = 100

/** @type {string | null} */
let refreshToken = sessionStorage.getItem('loot')
/** @type {string | null} */
let accessToken = null
/** @type {number | undefined} */
let automatic
/** @type {string | null} */
let sessionId = null
let busy = false
const connection = createConnection()

/** @param {string} path @param {RequestInit} init */
async function sendAsThief(path, init) {
  // This tab shares the owner's cookies, which a real thief does not have.
  const result = await send(path, { ...init, credentials: 'omit' })
  if (result.status === 0) void connection.check()
  return result
}

/** @param {string} request @param {number} status @param {string} text */
function addLine(request, status, text) {
  const kind = status === 200 ? 'good' : 'bad'
  const item = createElement('li', '')
  item.append(
    createElement('time', '', clockTime(Date.now())),
    createElement('span', '', request),
    createElement('span', kind, status === 0 ? '–' : String(status)),
    createElement('span', kind, text),
  )
  const log = find('log')
  log.prepend(item)
  while (log.children.length > MAX_LINES) log.lastElementChild.remove()
}

/** @param {string | null} token */
const shorten = (token) => (token === null ? 'none yet' : `${token.slice(0, 16)}…${token.slice(-8)}`)

function showLoot() {
  find('refresh-token').textContent = shorten(refreshToken)
  find('access-token').textContent = shorten(accessToken)
}

async function refresh() {
  const { status, body } = await sendAsThief('/session/refresh', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'pawl-transport': 'bearer' },
    body: JSON.stringify({ refreshToken }),
  })
  if (status === 200) {
    const kept = body.refreshToken === null
    refreshToken = body.refreshToken ?? refreshToken
    accessToken = body.accessToken
    sessionStorage.setItem('loot', refreshToken)
    showLoot()
    addLine(
      'POST /session/refresh',
      status,
      kept ? 'new access token, same refresh token' : 'new access token, new refresh token',
    )
    return true
  }
  addLine('POST /session/refresh', status, body?.code ?? 'no response')
  if (status === 401) await showVerdict(body.code)
  return false
}

async function callApi() {
  const { status, body } = await sendAsThief('/api/me', {
    headers: { authorization: `Bearer ${accessToken ?? ''}`, 'pawl-transport': 'bearer' },
  })
  if (status === 200) {
    sessionId = body.sessionId
    find('victim').textContent = `${body.name}, generation ${body.generation}`
    addLine('GET /api/me', status, `signed in as “${body.name}”`)
  } else {
    addLine('GET /api/me', status, body?.code ?? 'no response')
    if (status === 401 && body.refresh === false) await showVerdict(body.code)
  }
}

/** @param {string} code */
async function showVerdict(code) {
  setAutomatic(false)
  sessionStorage.removeItem('loot')
  if (code === 'device_proof_required') {
    return finish(
      code,
      'REFUSED.',
      'The session is bound to a key of the owner’s browser, and you have copied only the token. The owner stays signed in and notices nothing. Everything you stole is worthless.',
    )
  }
  const ownReuse = code === 'refresh_token_reused'
  // A real thief never learns the reason. The demo shows it.
  const ending = sessionId === null || ownReuse ? null : await sendAsThief(`/api/endings/${sessionId}`, {})
  const caught = ownReuse || ending?.body?.reason === 'reuse'
  const text = ownReuse
    ? 'You used an old refresh token: the owner had rotated it before. Two parties use this session, so Pawl ended it for both. Everything you stole is worthless.'
    : caught
      ? 'The owner used an old refresh token: you had rotated it before. Two parties use this session, so Pawl ended it for both. Everything you stole is worthless.'
      : 'The session has ended, for example because the owner signed out. Everything you stole is worthless.'
  finish(code, caught ? 'CAUGHT.' : 'LOCKED OUT.', text)
}

/** @param {string} code @param {string} title @param {string} text */
function finish(code, title, text) {
  find('verdict-code').textContent = `401 ${code}`
  find('verdict-title').textContent = title
  find('verdict-text').textContent = text
  find('verdict').hidden = false
  for (const name of ['refresh', 'use', 'auto']) find(name).toggleAttribute('disabled', true)
  find('refresh-token').textContent = 'worthless'
  find('access-token').textContent = 'worthless'
  document.title = `${title} · pawl demo`
  announce(`${title} ${code}`)
  document.body.classList.add('over')
  find('verdict-title').focus()
  scrollTo({ top: 0 })
}

/** Two refreshes at once would make the thief reuse a token. @param {() => Promise<unknown>} action */
async function oneAtATime(action) {
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
  find('auto').setAttribute('aria-pressed', String(on))
  if (!on) return
  const round = () => oneAtATime(async () => void ((await refresh()) && (await callApi())))
  automatic = setInterval(round, INTERVAL)
  void round()
}

async function collectLoot() {
  const id = location.hash.slice(1)
  // The id works once. After a reload the tab uses the token that it has stored.
  history.replaceState(null, '', '/thief')
  if (id === '') return
  const { status, body } = await sendAsThief('/thief/loot', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id }),
  })
  if (status === 200) {
    refreshToken = body.refreshToken
    sessionStorage.setItem('loot', refreshToken)
  }
}

find('refresh').addEventListener('click', () => void oneAtATime(refresh))
find('use').addEventListener('click', () => void oneAtATime(callApi))
find('auto').addEventListener('click', () => setAutomatic(automatic === undefined))

await collectLoot()
if (refreshToken === null) {
  find('refresh-token').textContent = 'none: go back and press “Steal this session”'
} else {
  showLoot()
  for (const name of ['refresh', 'use', 'auto']) find(name).toggleAttribute('disabled', false)
}
