import { delay } from './delay.js'
import { announce, find } from './dom.js'
import { send } from './request.js'

/** Milliseconds. */
const INTERVAL = 1000

/** Differs after each start of the demo; null: the demo does not respond. @returns {Promise<string | null>} */
const currentRun = async () => (await send('/api/run')).body?.run ?? null

/**
 * Shows a banner while the demo does not respond. If the demo was started again in the meantime, the page is loaded
 * again, because the data of the former run may be deleted.
 * @param {() => void} [onReturn] called when the same run responds again
 */
export function createConnection(onReturn) {
  const firstRun = currentRun()
  const banner = find('banner')
  let checking = false

  /** @param {string | null} text null hides the banner */
  function show(text) {
    if (text !== null && banner.hidden) announce(text)
    banner.hidden = text === null
    banner.textContent = text
  }

  async function check() {
    if (checking) return
    checking = true
    let run = await currentRun()
    const wasLost = run === null
    while (run === null) {
      show('The demo does not respond. Has it stopped? This page continues as soon as it responds.')
      await delay(INTERVAL)
      run = await currentRun()
    }
    if (run !== (await firstRun)) return location.reload()
    checking = false
    if (!wasLost) return
    show(null)
    onReturn?.()
  }

  return {
    /** Call when a request got no response. */
    check,
    /** @param {number | null} seconds until the next attempt; null: the server is available again */
    unavailable(seconds) {
      if (checking) return
      if (seconds === null) return show(null)
      show(`The server cannot answer right now. You stay signed in. Next attempt in ${seconds} s.`)
      // It may be another run, which does not know the secret of the former one.
      void check()
    },
  }
}
