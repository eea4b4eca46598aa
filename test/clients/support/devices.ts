import type { BrowserContext as PlaywrightContext } from 'playwright-core'
import type { BrowserContext, StoredCookie } from '../../browser/support/browser.ts'
import { openContext } from '../../browser/support/browser-test.ts'
import { APP } from '../../browser/support/hosts.ts'
import type { Client, TransferMode } from './client.ts'
import { copyDisk, type Disk, newDisk, openApp } from './native.ts'
import type { ClientSite } from './site.ts'
import { openTab } from './website.ts'

export interface StartOptions {
  /** By default that of the kind. */
  readonly mode?: TransferMode
  /** False: without the lock that the tabs of a browser share. */
  readonly lock?: boolean
  /** How long a call of an app's storage takes, in ms. By default one turn of the event loop. */
  readonly storageDelay?: () => number
}

/** A browser or a phone. */
export interface Device {
  /** Opens a tab, or starts the app. */
  start(options?: StartOptions): Promise<Client>
  /** The device of a thief who has copied everything that is stored. */
  copy(): Promise<Device>
  /** Where tokens are stored: `sAccessToken` of a cookie of the API, `st-access-token` of what the client stores. */
  tokens(): Promise<string[]>
  /** Adds a cookie of the API. */
  addCookie(name: string, value: string, path?: string, domain?: string): Promise<void>
  /** Removes the cookies of the API, and leaves what the client stores. */
  clearCookies(): Promise<void>
  /** Removes what the client stores, and leaves the cookies of the API. */
  clearStored(): Promise<void>
}

export interface Kind {
  readonly name: string
  readonly mode: TransferMode
  readonly isNative: boolean
  open(site: ClientSite): Promise<Device>
}

const FRONT_TOKENS = ['st-access-token', 'st-refresh-token', 'sFrontToken', 'sAntiCsrf']
const NATIVE_NAMES: Readonly<Record<string, string>> = {
  'st-storage-item-st-access-token': 'st-access-token',
  'st-storage-item-st-refresh-token': 'st-refresh-token',
  'supertokens-rn-front-token-key': 'sFrontToken',
  'supertokens-rn-anticsrf-key': 'sAntiCsrf',
}

function browser(site: ClientSite, context: BrowserContext, own: TransferMode): Device {
  const api = new URL(site.api).hostname
  return {
    start: ({ mode = own, lock = true } = {}) => openTab(context, site, { mode, lock }),
    async copy() {
      const thief = await openContext()
      await thief.addCookies(await context.cookies())
      return browser(site, thief, own)
    },
    async tokens() {
      const cookies = await context.cookies()
      return cookies
        .filter(({ name, domain }) => domain === api || FRONT_TOKENS.includes(name))
        .map(({ name }) => name)
        .sort()
    },
    addCookie(name, value, path = '/', domain = api) {
      const cookie: StoredCookie = {
        name,
        value,
        path,
        domain,
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
      }
      return context.addCookies([cookie])
    },
    clearCookies: () => (context as PlaywrightContext).clearCookies({ domain: api }),
    clearStored: () => (context as PlaywrightContext).clearCookies({ domain: APP }),
  }
}

function phone(site: ClientSite, disk: Disk, own: TransferMode): Device {
  return {
    start: ({ mode = own, storageDelay } = {}) =>
      openApp(site, { mode, disk, ...(storageDelay && { storageDelay }) }),
    copy: async () => phone(site, copyDisk(disk), own),
    async tokens() {
      const stored = [...disk.items.keys()]
        .map((name) => NATIVE_NAMES[name])
        .filter((name) => name !== undefined)
      return [...disk.jar.names, ...stored].sort()
    },
    async addCookie(name, value, path) {
      disk.jar.put(name, value, path)
    },
    async clearCookies() {
      for (const name of disk.jar.names) disk.jar.delete(name)
    },
    clearStored: async () => disk.items.clear(),
  }
}

const MODES = ['cookie', 'header'] as const

export const WEBSITES: readonly Kind[] = MODES.map((mode) => ({
  name: `supertokens-website (${mode})`,
  mode,
  isNative: false,
  open: async (site) => browser(site, await openContext(), mode),
}))

export const APPS: readonly Kind[] = MODES.map((mode) => ({
  name: `supertokens-react-native (${mode})`,
  mode,
  isNative: true,
  open: async (site) => phone(site, newDisk(), mode),
}))

/** The real clients, each in both ways to pass tokens. */
export const KINDS: readonly Kind[] = [...WEBSITES, ...APPS]
