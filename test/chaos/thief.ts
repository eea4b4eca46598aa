import { setTimeout as sleep } from 'node:timers/promises'
import type { CookieJar } from '../support/http-jar.ts'
import type { Browser, World } from './browser.ts'
import type { Answer } from './exchange.ts'
import type { Random } from './random.ts'
import { REFRESHES_PER_MINUTE } from './settings.ts'
import { peek } from './tokens.ts'

/** The behavior of a thief during the storm. While it settles, every thief but one who floods acts like a browser. */
export const MANNERS = ['at once', 'polls', 'waits', 'uses only', 'in step', 'floods'] as const
export type Manner = (typeof MANNERS)[number]

/** Timeout in ms, longer than that of an honest client. */
const PATIENCE = 3000
const POLL_EVERY = 400
const FLOOD_AT_ONCE = 10
/** A flood ends when the limit answers, or after this many refreshes in one process. */
const MAX_FLOOD = 3 * REFRESHES_PER_MINUTE

/** A thief with a copy of all cookies of a browser, but without its key if it has one. */
export class Thief {
  readonly manner: Manner
  readonly sessionId: string
  readonly generation: number
  readonly plantedAt: number = Date.now()
  /** Whether a server process has received a stolen token. */
  presented = false
  lockedOut = false
  /** The number of refreshes that a limit put off. */
  limited = 0
  /** The number of refreshes that were answered with new tokens. */
  refreshed = 0
  /** When the last request was sent that a server answered for the stolen session. */
  lastAnswered = 0
  readonly #jar: CookieJar
  readonly #copied: string
  readonly #victim: Browser
  readonly #world: World
  readonly #random: Random
  #owner = 0

  constructor(victim: Browser, manner: Manner, world: World, random: Random) {
    this.#jar = victim.jar.copy()
    const { sessionId, generation, label } = peek(this.#jar)!
    this.manner = manner
    this.sessionId = sessionId
    this.generation = generation
    this.#copied = label
    this.#victim = victim
    this.#world = world
    this.#random = random
    victim.story.add(`a thief (${manner}) copies the jar: ${label}`)
    if (manner === 'in step') {
      victim.onRefreshed = () => {
        this.#owner++
      }
    }
  }

  /** Runs until the thief is locked out or the storm is over. */
  async live(): Promise<void> {
    const { accessTokenLifetime } = this.#world
    if (this.manner === 'waits') await this.#waitFor(this.#random.between(1, 7) * accessTokenLifetime)
    let seen = this.#owner
    while (this.#isActive()) {
      if (this.manner === 'floods') {
        if (peek(this.#jar)?.label === this.#copied) {
          // The copied token is also the owner's, so the limit of it is too.
          await this.#refresh()
          await sleep(POLL_EVERY)
        } else {
          for (const port of this.#world.ports()) await this.#flood(port)
          await this.#use()
          await sleep(Math.min(accessTokenLifetime / 4, this.#world.untilNextMinute()))
        }
      } else if (this.#world.phase === 'settling') {
        await this.#refresh()
        await this.#use()
        await sleep(accessTokenLifetime / 3)
      } else if (this.manner === 'uses only') {
        await this.#use()
        await sleep(accessTokenLifetime / 2)
      } else if (this.manner === 'polls') {
        await this.#refresh()
        if (this.#random.chance(0.3)) await this.#use()
        await sleep(POLL_EVERY)
      } else if (this.manner === 'in step') {
        if (seen !== this.#owner) {
          seen = this.#owner
          await this.#refresh()
          await this.#use()
        }
        await sleep(20)
      } else {
        if ((await this.#use()) !== 200) await this.#refresh()
        await sleep(this.#random.between(0.1, 0.9) * accessTokenLifetime)
      }
    }
  }

  /** Whether the server refuses the stolen tokens. */
  async isLockedOut(): Promise<boolean> {
    if (!this.lockedOut) await this.#refresh()
    return this.lockedOut
  }

  /** Uses up the refreshes of this minute in one process. */
  async #flood(port: number): Promise<void> {
    const before = this.limited
    for (let sent = 0; sent < MAX_FLOOD && this.limited === before && this.#isActive(); ) {
      const burst = sent === 0 ? 1 : FLOOD_AT_ONCE
      await Promise.all(Array.from({ length: burst }, () => this.#refresh(port)))
      sent += burst
    }
  }

  #isActive(): boolean {
    return !this.lockedOut && this.#world.phase !== 'over'
  }

  async #waitFor(ms: number): Promise<void> {
    const until = Date.now() + ms
    while (Date.now() < until && this.#world.phase === 'storm') await sleep(100)
  }

  async #refresh(port?: number): Promise<number | null> {
    return this.#send('POST', '/session/refresh', port)
  }

  async #use(): Promise<number | null> {
    return this.#send('GET', '/api')
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    port: number = this.#random.pick(this.#world.ports()),
  ): Promise<number | null> {
    const cookie = this.#jar.header(path)
    const { network } = this.#world
    const before = peek(this.#jar)?.label ?? 'nothing'
    const sentAt = Date.now()
    const answer: Answer | null = await network.send(port, method, path, { cookie }, PATIENCE)
    if (answer === null) return null
    if (answer.status === 200) {
      this.lastAnswered = Math.max(this.lastAnswered, sentAt)
      if (method === 'POST') this.refreshed++
    }
    if (answer.status !== 503) this.presented = true
    if (answer.limited) this.limited++
    this.#jar.store(answer.setCookies)
    this.#victim.story.add(
      `thief: ${path} with ${before} -> ${answer.status} ${answer.code ?? answer.verdict ?? ''}`,
    )
    if (answer.status === 401 && !answer.mayRefresh) this.lockedOut = true
    return answer.status
  }
}
