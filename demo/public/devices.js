import { announce, at, clockTime, element } from './dom.js'
import { ENDINGS } from './words.js'

/** @param {ReturnType<import('./client.js').createClient>['call']} call */
export function createDevices(call) {
  const list = at('device-list')
  /** @type {number | undefined} */
  let pending

  async function load() {
    const answer = await call('/api/devices')
    if (answer?.status === 200) list.replaceChildren(...answer.body.map(row))
  }

  function row(/** @type {any} */ device) {
    const item = element('li', device.endedAt === null ? '' : 'ended')
    const name = element('p', 'device-name', device.device)
    if (device.own) name.append(' ', element('span', 'own', 'this device'))
    const since = `${device.ip ?? 'unknown address'} · signed in ${clockTime(device.createdAt)}`
    const until =
      device.endedAt === null
        ? ` · last seen ${clockTime(device.lastSeenAt)}`
        : ` · ${ENDINGS[device.endReason] ?? 'ended.'}`
    item.append(name, element('p', 'muted', since + until))
    if (device.endedAt === null && !device.own) {
      const button = element('button', '', 'End')
      button.setAttribute('aria-label', `End the session on ${device.device}`)
      button.addEventListener('click', async () => {
        button.toggleAttribute('disabled', true)
        await call(`/api/devices/${device.sessionId}/end`, { method: 'POST' })
        announce(`${device.device} was signed out.`)
        await load()
      })
      item.append(button)
    }
    return item
  }

  at('add-device').addEventListener('click', async () => {
    const answer = await call('/api/devices', { method: 'POST' })
    announce(answer?.status === 201 ? 'A device was added.' : 'There are enough devices.')
    await load()
  })
  at('end-others').addEventListener('click', async () => {
    const answer = await call('/api/devices/end-others', { method: 'POST' })
    if (answer?.status === 200) announce(`${answer.body.ended} sessions ended.`)
    await load()
  })

  return {
    /** Several events come at once; one look is enough. */
    reload() {
      clearTimeout(pending)
      pending = setTimeout(load, 150)
    },
    stop: () => clearTimeout(pending),
  }
}
