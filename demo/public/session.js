import { createClient } from './client.js'
import { createConnection } from './connection.js'
import { createDevices } from './devices.js'
import { announce, find } from './dom.js'
import { createLog } from './event-log.js'
import { followEvents } from './event-source.js'
import { BINDINGS, SIGNED_OUT } from './messages.js'
import { send } from './request.js'
import { createWheel } from './wheel.js'

/** The page refreshes this long before the access token expires, so that no request waits. Milliseconds. */
const REFRESH_AHEAD = 2000

/** @type {{ id: string | null, accessUntil: number, accessLifetime: number, refreshUntil: number, refreshedAt: number | null }} */
const session = { id: null, accessUntil: 0, accessLifetime: 1, refreshUntil: 0, refreshedAt: null }
const wheel = createWheel()
const log = createLog()
let ended = false
/** @type {number | undefined} */
let timer
/** @type {(success: boolean) => void} */
let settle = () => {}
/** From an event or the sign-out button; otherwise the page asks the server. @type {string | null} */
let endReason = null

const client = createClient({
  refreshing() {
    settle = log.expectRefresh()
  },
  settled: (success) => settle(success),
  refreshed() {
    session.refreshedAt = performance.now()
  },
  noResponse: () => void connection.check(),
  retrying: (seconds) => connection.unavailable(seconds),
  ended: (code) => void showEnding(code),
})
const connection = createConnection(() => {
  void load()
  devices.reload()
})
const devices = createDevices(client.call)

/** @param {number} lifetime of the access token, in ms */
function scheduleRefresh(lifetime) {
  session.accessUntil = performance.now() + lifetime
  session.accessLifetime = Math.max(session.accessLifetime, lifetime)
  clearTimeout(timer)
  timer = setTimeout(() => void renew(), Math.max(lifetime - REFRESH_AHEAD, 200))
}

/** One of several open tabs refreshes for all. @returns whether the session is still active */
async function renew() {
  // The request that follows uses the new access token. That advances the session.
  return (await client.refresh()) && load()
}

async function load() {
  const result = await client.call('/api/session')
  if (result?.status !== 200) return false
  const { body } = result
  session.id = body.sessionId
  // The sign-in page shows why this session ended if it ends while the tab is closed.
  sessionStorage.setItem('pawl-demo-session', body.sessionId)
  session.refreshUntil = performance.now() + body.refreshLeft
  scheduleRefresh(body.accessLeft)
  find('device').textContent = `${body.device} · ${body.ip ?? 'unknown address'}`
  showBinding(body.bound)
  find('persistent').textContent = body.persistent
    ? 'Kept when the browser closes'
    : 'Deleted when the browser closes'
  wheel.show(body.generation)
  return true
}

/** @param {string | null} kind of the key that the session is bound to */
function showBinding(kind) {
  find('bound').textContent = kind === null ? 'Nothing: copied tokens work elsewhere' : BINDINGS[kind]
  find('binding').classList.toggle('on', kind !== null)
  find('steal-bound').hidden = kind === null
  find('steal-unbound').hidden = kind !== null
}

function showTimes() {
  const now = performance.now()
  const left = Math.max(0, session.accessUntil - now)
  find('access-left').textContent = `${Math.ceil(left / 1000)} s`
  find('access-bar').style.transform = `scaleX(${Math.min(1, left / session.accessLifetime)})`
  const refreshLeft = Math.max(0, Math.round((session.refreshUntil - now) / 1000))
  find('refresh-left').textContent =
    `${Math.floor(refreshLeft / 60)} min ${String(refreshLeft % 60).padStart(2, '0')} s`
  find('last-refresh').textContent =
    session.refreshedAt === null
      ? 'Not yet in this tab'
      : `${Math.round((now - session.refreshedAt) / 1000)} s ago`
}

/** @param {string} code */
async function showEnding(code) {
  if (ended) return
  ended = true
  clearTimeout(timer)
  clearInterval(ticking)
  devices.stop()
  unfollow()
  if (endReason === null && session.id !== null) {
    const { body } = await send(`/api/endings/${session.id}`)
    endReason = body?.reason ?? null
  }
  // Another tab has signed in again, so this browser has a new session.
  if (code === 'session_replaced' || endReason === 'replaced') return location.replace('/')
  sessionStorage.removeItem('pawl-demo-session')
  const texts =
    SIGNED_OUT[endReason] ?? (code === 'device_proof_required' ? SIGNED_OUT.unproven : SIGNED_OUT.other)
  find('ending').classList.toggle('alarm', endReason === 'reuse')
  find('ending-code').textContent = `401 ${code}`
  find('ending-title').textContent = texts.title
  find('ending-what').textContent = texts.what
  find('ending-why').textContent = texts.why
  find('ending-message').textContent = texts.message
  for (const name of ['live', 'steal', 'race', 'devices', 'who', 'sign-out', 'banner'])
    find(name).hidden = true
  find('ending').hidden = false
  document.title = `${texts.title} · pawl demo`
  document.querySelector('main').classList.add('over')
  announce(texts.title)
  find('ending-title').focus()
  scrollTo({ top: 0 })
}

/** @param {any} event */
function onEvent(event) {
  log.show(event, session.id)
  if (event.sessionId === session.id) {
    if (event.type === 'rotated') {
      wheel.show(event.generation)
      void load()
    }
    if (event.type === 'deviceBound') void load()
    if (event.type === 'ended') {
      endReason = event.reason
      // The view shows the code of a 401 response. A refresh in progress may bring one; else this request does.
      setTimeout(() => {
        if (!ended) void client.call('/api/me')
      }, 300)
    }
  }
  if (event.type !== 'refreshed' && !ended) devices.reload()
}

find('refresh').addEventListener('click', async () => {
  if (await renew()) find('outcome').textContent = 'Refreshed. The event log shows the verdict.'
})
find('use').addEventListener('click', async () => {
  const result = await client.call('/api/me')
  if (result?.status === 200)
    find('outcome').textContent = `GET /api/me → 200, ${result.body.name}. No database query was needed.`
})
find('sign-out').addEventListener('click', async () => {
  endReason = 'logout'
  ended = true
  try {
    await client.signOut()
  } catch {
    endReason = null
    ended = false
    find('outcome').textContent = 'You are still signed in, because the server did not answer.'
    return
  }
  sessionStorage.removeItem('pawl-demo-session')
  location.replace('/')
})

for (const name of ['sign-out', 'refresh', 'use', 'add-device', 'end-others'])
  find(name).toggleAttribute('disabled', false)

const ticking = setInterval(showTimes, 250)
let unfollow = () => {}
if (await load()) {
  showTimes()
  devices.reload()
  unfollow = followEvents(onEvent, load, () => void connection.check())
}
