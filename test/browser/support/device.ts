import type { BrowserContext as PlaywrightContext } from 'playwright-core'
import type { BrowserContext, Page } from './browser.ts'
import { openDevtools } from './chromium.ts'
import { SITE } from './hosts.ts'

/** The cookie that the browser gets for a proof. */
export const DEVICE_COOKIE = '__Host-pawl-device'

/** The key that Chromium keeps for a session, and what it does with it. */
export interface Device {
  /** Waits until the browser has a key for a session. @returns the identifier of the session */
  registered(): Promise<string>
  /** Waits until the browser has deleted a key. @returns why */
  deleted(): Promise<string>
  /** The same as when the cookie expires: the browser proves itself before its next request. */
  dropCookie(): Promise<void>
  /** Deletes the key, as a browser does that loses its profile or its security chip. */
  loseKey(id: string): Promise<void>
}

/** Watches what Chromium reports to one of its tabs. */
export async function watchDevice(page: Page): Promise<Device> {
  const devtools = await openDevtools(page)
  const registered = createQueue<string>()
  const deleted = createQueue<string>()
  devtools.on('Network.deviceBoundSessionEventOccurred', (event) => {
    const { creationEventDetails: creation, terminationEventDetails: termination } = event
    if (creation) registered.add(event.succeeded ? event.sessionId! : creation.fetchResult)
    if (termination) deleted.add(termination.deletionReason)
  })
  await devtools.send('Network.enable')
  await devtools.send('Network.enableDeviceBoundSessions', { enable: true })
  return {
    registered: registered.next,
    deleted: deleted.next,
    dropCookie: () => (page.context() as PlaywrightContext).clearCookies({ name: DEVICE_COOKIE }),
    async loseKey(id) {
      await devtools.send('Network.deleteDeviceBoundSession', { key: { site: `https://${SITE}`, id } })
    },
  }
}

/** Gives a context every cookie of another one, and no key. */
export async function copyCookies(from: BrowserContext, to: BrowserContext): Promise<void> {
  const cookies = await (from as PlaywrightContext).cookies()
  await (to as PlaywrightContext).addCookies(cookies)
}

interface Queue<T> {
  add(item: T): void
  /** The next item, also one that has been added before. */
  next(): Promise<T>
}

function createQueue<T>(): Queue<T> {
  const items: T[] = []
  const waiting: ((item: T) => void)[] = []
  return {
    add(item) {
      const first = waiting.shift()
      if (first === undefined) items.push(item)
      else first(item)
    },
    next: () =>
      items.length > 0 ? Promise.resolve(items.shift()!) : new Promise((resolve) => waiting.push(resolve)),
  }
}
