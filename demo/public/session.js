import { createClient, send } from './client.js'
import { createDevices } from './devices.js'
import { announce, at } from './dom.js'
import { createLog, followEvents } from './events.js'
import { createWheel } from './wheel.js'
import { SIGNED_OUT } from './words.js'

/** Refresh this long before the access token expires, so that no request has to wait for it. */
const AHEAD = 2000

/** @type {{ id: string | null, accessUntil: number, accessLife: number, refreshUntil: number, refreshedAt: number | null }} */
const session = { id: null, accessUntil: 0, accessLife: 1, refreshUntil: 0, refreshedAt: null }
const wheel = createWheel()
const log = createLog()
let over = false
/** @type {number | undefined} */
let timer
/** @type {(answered: boolean) => void} */
let settle = () => {}
/** What is known of the ending before the server is asked. @type {string | null} */
let endReason = null

const client = createClient({
  refreshing() {
    settle = log.expectOwn()
  },
  settled: (answered) => settle(answered),
  refreshed() {
    session.refreshedAt = performance.now()
  },
  calm(seconds) {
    at('calm').hidden = seconds === null
    if (seconds !== null)
      at('calm').textContent =
        `The server cannot answer right now. You stay signed in; trying again in ${seconds} s.`
  },
  ended: (code) => void signedOut(code),
})
const devices = createDevices(client.call)

/** @param {number} life of the access token, in ms */
function schedule(life) {
  session.accessUntil = performance.now() + life
  session.accessLife = Math.max(session.accessLife, life)
  clearTimeout(timer)
  timer = setTimeout(() => void renew(), Math.max(life - AHEAD, 200))
}

/** @returns whether there still is a session. Of several tabs one refreshes, and the others hear of it. */
async function renew() {
  // Using the new token is what turns the ratchet.
  return (await client.refresh()) && load()
}

async function load() {
  const answer = await client.call('/api/session')
  if (answer?.status !== 200) return false
  const { body } = answer
  session.id = body.sessionId
  // For the sign-in page, should the session end while nobody looks.
  sessionStorage.setItem('pawl-demo-session', body.sessionId)
  session.refreshUntil = performance.now() + body.refreshLeft
  schedule(body.accessLeft)
  at('device').textContent = `${body.device} · ${body.ip ?? 'unknown address'}`
  at('persistent').textContent = body.persistent ? 'Outlive the browser' : 'Until the browser closes'
  wheel.show(body.generation)
  return true
}

function tick() {
  const now = performance.now()
  const left = Math.max(0, session.accessUntil - now)
  at('access-left').textContent = `${Math.ceil(left / 1000)} s`
  at('access-bar').style.transform = `scaleX(${Math.min(1, left / session.accessLife)})`
  const refreshLeft = Math.max(0, Math.round((session.refreshUntil - now) / 1000))
  at('refresh-left').textContent =
    `${Math.floor(refreshLeft / 60)} min ${String(refreshLeft % 60).padStart(2, '0')} s`
  at('last-refresh').textContent =
    session.refreshedAt === null
      ? 'Not yet in this tab'
      : `${Math.round((now - session.refreshedAt) / 1000)} s ago`
}

/** @param {string} code */
async function signedOut(code) {
  if (over) return
  over = true
  clearTimeout(timer)
  clearInterval(ticking)
  devices.stop()
  unfollow()
  if (endReason === null && session.id !== null) {
    const { body } = await send(`/api/endings/${session.id}`)
    endReason = body?.reason ?? null
  }
  // Another tab signed in anew: there is a session, only not this one.
  if (code === 'session_replaced' || endReason === 'replaced') return location.replace('/')
  sessionStorage.removeItem('pawl-demo-session')
  const words = SIGNED_OUT[endReason] ?? SIGNED_OUT.other
  at('caught').classList.toggle('alarm', endReason === 'reuse')
  at('caught-code').textContent = `401 ${code}`
  at('caught-title').textContent = words.title
  at('caught-what').textContent = words.what
  at('caught-why').textContent = words.why
  at('caught-tell').textContent = words.tell
  for (const name of ['live', 'steal', 'race', 'devices', 'who', 'sign-out', 'calm']) at(name).hidden = true
  at('caught').hidden = false
  document.title = `${words.title} · pawl demo`
  document.querySelector('main').classList.add('over')
  announce(words.title)
  at('caught-title').focus()
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
    if (event.type === 'ended') {
      endReason = event.reason
      // Not taken from the event alone: a refresh under way may tell more, and any request tells the same.
      setTimeout(() => {
        if (!over) void client.call('/api/me')
      }, 300)
    }
  }
  if (event.type !== 'refreshed' && !over) devices.reload()
}

at('refresh').addEventListener('click', async () => {
  const good = await renew()
  if (good) at('outcome').textContent = 'Refreshed. The log tells with which verdict.'
})
at('use').addEventListener('click', async () => {
  const answer = await client.call('/api/me')
  if (answer?.status === 200)
    at('outcome').textContent = `GET /api/me → 200, ${answer.body.name}. No database was asked.`
})
at('sign-out').addEventListener('click', async () => {
  endReason = 'logout'
  over = true
  sessionStorage.removeItem('pawl-demo-session')
  // Where the server cannot be reached the user is still signed in, and the next page says so.
  await client.client.signOut().catch(() => {})
  location.replace('/')
})

// A navigation that was resumed through the refresh route carries a marker that nobody needs to see.
history.replaceState(null, '', '/')
const ticking = setInterval(tick, 250)
let unfollow = () => {}
if (await load()) {
  tick()
  devices.reload()
  unfollow = followEvents(onEvent, load)
}
