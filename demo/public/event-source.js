import { delay } from './delay.js'
import { find } from './dom.js'

/**
 * Receives the events of the user's sessions until the session ends.
 * @param {(event: any) => void} listener
 * @param {() => Promise<boolean>} renew refreshes the access token if needed; false: the session has ended
 * @param {() => void} onLost called when the stream breaks
 * @returns a function that stops it
 */
export function followEvents(listener, renew, onLost) {
  const indicator = find('stream')
  const showConnected = (/** @type {boolean} */ connected) => {
    indicator.classList.toggle('on', connected)
    indicator.setAttribute('aria-label', connected ? 'connected' : 'connecting')
  }

  /** @type {EventSource} */
  let source
  let stopped = false

  function open() {
    source = new EventSource('/api/events')
    source.onopen = () => showConnected(true)
    source.onmessage = ({ data }) => listener(JSON.parse(data))
    source.onerror = async () => {
      showConnected(false)
      if (!stopped) onLost()
      // After a refused request, such as one with an expired access token, the browser does not reconnect.
      if (source.readyState !== EventSource.CLOSED) return
      await delay(1000)
      if (!stopped && (await renew()) && !stopped) open()
    }
  }
  open()
  return () => {
    stopped = true
    source.close()
    showConnected(false)
  }
}
