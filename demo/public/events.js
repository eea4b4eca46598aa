import { at, clockTime, element, sleep } from './dom.js'
import { ENDINGS, VERDICTS } from './words.js'

const MOST_LINES = 80
/** An event can arrive a little after the answer of the refresh that raised it. */
const AFTER = 1500

/**
 * The live log. It tells this tab's refreshes from those of others who hold the same session by counting
 * its own: the events say nothing about who sent a refresh.
 */
export function createLog() {
  const list = at('log')
  /** @type {object[]} */
  const own = []

  /** @param {number} when @param {string} chip @param {string} kind @param {Node[]} text */
  function line(when, chip, kind, ...text) {
    at('no-events').hidden = true
    const item = element('li', '')
    const words = element('p', '')
    words.append(...text)
    item.append(element('time', '', clockTime(when)), element('span', `chip ${kind}`, chip), words)
    list.prepend(item)
    while (list.children.length > MOST_LINES) list.lastElementChild.remove()
  }

  /** @param {string} text @param {boolean} [stranger] */
  const whose = (text, stranger = false) => element('span', `whose${stranger ? ' stranger' : ''}`, text)

  return {
    /** @returns to be called when the answer is here */
    expectOwn() {
      const credit = {}
      own.push(credit)
      return (/** @type {boolean} */ answered) => {
        const drop = () => {
          const index = own.indexOf(credit)
          if (index !== -1) own.splice(index, 1)
        }
        if (answered) setTimeout(drop, AFTER)
        else drop()
      }
    },

    /** @param {any} event @param {string | null} sessionId */
    show(event, sessionId) {
      const here = event.sessionId === sessionId
      const who = here ? 'This session' : 'Another device'
      switch (event.type) {
        case 'refreshed': {
          const mine = here && own.shift() !== undefined
          const name = mine ? 'This tab' : here ? 'Not this tab' : who
          line(
            event.at,
            event.verdict,
            '',
            whose(name, here && !mine),
            ` ${VERDICTS[event.verdict] ?? 'refreshed.'}`,
          )
          break
        }
        case 'rotated':
          line(
            event.at,
            'turned',
            'rotated',
            whose(who),
            ` moved on to generation ${event.generation}: its new token was seen ${event.by === 'use' ? 'in use' : 'in a refresh'}.`,
          )
          break
        case 'reused':
          line(
            event.at,
            'reused',
            'alarm',
            whose(who, here),
            ` came back with a token from the past${event.ip === null ? '' : ` (from ${event.ip})`}.`,
          )
          break
        case 'ended':
          line(
            event.at,
            'ended',
            event.reason === 'reuse' ? 'alarm' : '',
            whose(who, here),
            ` ${ENDINGS[event.reason] ?? 'ended.'}`,
          )
          break
        case 'created':
          line(event.at, 'created', '', whose('A new device'), ' signed in.')
          break
      }
    },
  }
}

/**
 * Follows the events of the user's sessions for as long as there is one.
 * @param {(event: any) => void} listener
 * @param {() => Promise<boolean>} reopen makes sure of a good access token; false: the session is over
 */
export function followEvents(listener, reopen) {
  const dot = at('stream')
  const state = (/** @type {boolean} */ on) => {
    dot.classList.toggle('on', on)
    dot.setAttribute('aria-label', on ? 'connected' : 'connecting')
  }

  /** @type {EventSource} */
  let source
  let closed = false

  function open() {
    source = new EventSource('/api/events')
    source.onopen = () => state(true)
    source.onmessage = ({ data }) => listener(JSON.parse(data))
    source.onerror = async () => {
      state(false)
      // Refused, most likely for an expired access token: the browser does not try again by itself.
      if (source.readyState !== EventSource.CLOSED) return
      await sleep(1000)
      if (!closed && (await reopen()) && !closed) open()
    }
  }
  open()
  return () => {
    closed = true
    source.close()
    state(false)
  }
}
