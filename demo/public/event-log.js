import { clockTime } from './clock-time.js'
import { createElement, find } from './dom.js'
import { ENDINGS, VERDICTS } from './messages.js'

const MAX_LINES = 80
/** Short names of events. */
const CHIPS = { deviceBound: 'bound', deviceProofMissing: 'refused' }
/** An event may arrive this much later than the response to its refresh. Milliseconds. */
const EVENT_DELAY = 1500

/**
 * The list of live events. An event does not say who sent the refresh, so the log counts the refreshes of this
 * tab: every other one came from another tab or the thief.
 */
export function createLog() {
  const list = find('log')
  /** One entry for each refresh of this tab whose event has not arrived. @type {object[]} */
  const expected = []

  /** @param {any} event @param {string} kind @param {Node} subject @param {string} text */
  function addLine(event, kind, subject, text) {
    find('no-events').hidden = true
    const item = createElement('li', '')
    const words = createElement('p', '')
    words.append(subject, text)
    item.append(
      createElement('time', '', clockTime(event.at)),
      createElement('span', `chip ${kind}`, event.verdict ?? CHIPS[event.type] ?? event.type),
      words,
    )
    list.prepend(item)
    while (list.children.length > MAX_LINES) list.lastElementChild.remove()
  }

  /** @param {string} text @param {boolean} [suspicious] */
  const createSubject = (text, suspicious = false) =>
    createElement('span', `subject${suspicious ? ' suspicious' : ''}`, text)

  return {
    /** Call when this tab sends a refresh. @returns a function to call when the refresh has settled */
    expectRefresh() {
      const entry = {}
      expected.push(entry)
      return (/** @type {boolean} */ success) => {
        const remove = () => {
          const index = expected.indexOf(entry)
          if (index !== -1) expected.splice(index, 1)
        }
        if (success) setTimeout(remove, EVENT_DELAY)
        else remove()
      }
    },

    /** @param {any} event @param {string | null} sessionId */
    show(event, sessionId) {
      const own = event.sessionId === sessionId
      const session = own ? 'This session' : 'Another device'
      switch (event.type) {
        case 'refreshed': {
          const byThisTab = own && expected.shift() !== undefined
          const name = byThisTab ? 'This tab' : own ? 'Another tab or the thief' : session
          addLine(
            event,
            '',
            createSubject(name, own && !byThisTab),
            ` ${VERDICTS[event.verdict] ?? 'refreshed.'}`,
          )
          break
        }
        case 'rotated':
          addLine(
            event,
            'rotated',
            createSubject(session),
            ` advanced to generation ${event.generation}, because its new ${event.reason === 'use' ? 'access' : 'refresh'} token was used.`,
          )
          break
        case 'reused':
          addLine(
            event,
            'alarm',
            createSubject('An old refresh token', own),
            ` of ${own ? 'this session' : 'another device'} was used again${event.ip === null ? '' : ` (from ${event.ip})`}.`,
          )
          break
        case 'ended':
          addLine(
            event,
            event.reason === 'reuse' ? 'alarm' : '',
            createSubject(session, own),
            ` ${ENDINGS[event.reason] ?? 'ended.'}`,
          )
          break
        case 'deviceBound':
          addLine(
            event,
            'bound',
            createSubject(session),
            ' was bound to a key. From now on a refresh needs a proof by that key.',
          )
          break
        case 'deviceProofMissing':
          addLine(
            event,
            'alarm',
            createSubject('A refresh without the key', own),
            ` of ${own ? 'this session' : 'another device'} was refused. Nothing changed for its owner.`,
          )
          break
        case 'created':
          addLine(event, '', createSubject('A new device'), ' signed in.')
          break
      }
    },
  }
}
