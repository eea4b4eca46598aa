import { clockTime } from './clock-time.js'
import { announce, createElement, find } from './dom.js'
import { ENDINGS } from './messages.js'

/** @param {ReturnType<import('./client.js').createClient>['call']} call */
export function createDevices(call) {
  const list = find('device-list')
  /** @type {number | undefined} */
  let timer

  async function load() {
    const result = await call('/api/devices')
    if (result?.status === 200) list.replaceChildren(...result.body.map(createItem))
  }

  function createItem(/** @type {any} */ device) {
    const active = device.endedAt === null
    const item = createElement('li', active ? '' : 'ended')
    const name = createElement('p', 'device-name', device.device)
    if (device.own) name.append(' ', createElement('span', 'own', 'this device'))
    const signedIn = `${device.ip ?? 'unknown address'} · signed in ${clockTime(device.createdAt)}`
    const state = active
      ? `last seen ${clockTime(device.lastSeenAt)}`
      : (ENDINGS[device.endReason] ?? 'ended.')
    item.append(name, createElement('p', 'muted', `${signedIn} · ${state}`))
    if (active && !device.own) item.append(createSignOutButton(device))
    return item
  }

  function createSignOutButton(/** @type {any} */ device) {
    const button = createElement('button', '', 'Sign out')
    button.setAttribute('aria-label', `Sign out ${device.device}`)
    button.addEventListener('click', async () => {
      button.toggleAttribute('disabled', true)
      await call(`/api/devices/${device.sessionId}/end`, { method: 'POST' })
      announce(`${device.device} was signed out.`)
      await load()
    })
    return button
  }

  find('add-device').addEventListener('click', async () => {
    const result = await call('/api/devices', { method: 'POST' })
    announce(result?.status === 201 ? 'A device was added.' : 'No more devices can be added.')
    await load()
  })
  find('end-others').addEventListener('click', async () => {
    const result = await call('/api/devices/end-others', { method: 'POST' })
    if (result?.status === 200) announce(`Devices signed out: ${result.body.ended}.`)
    await load()
  })

  return {
    /** Loads the list once for several events that arrive together. */
    reload() {
      clearTimeout(timer)
      timer = setTimeout(load, 150)
    },
    stop: () => clearTimeout(timer),
  }
}
