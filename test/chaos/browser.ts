import { setTimeout as sleep } from 'node:timers/promises'
import { type CookieJar, createJar } from '../support/http-jar.ts'
import type { Answer, Network } from './exchange.ts'
import { createGate } from './gate.ts'
import type { Random } from './random.ts'
import type { Signer } from './signer.ts'
import { createStory, type Story } from './story.ts'
import { peek } from './tokens.ts'

/** Shared state of all clients. */
export interface World {
  readonly network: Network
  readonly ports: () => readonly number[]
  /** Half the overlap, in ms. A later response counts as lost. */
  readonly timeout: number
  /** Milliseconds of real time. */
  readonly accessTokenLifetime: number
  /** Milliseconds of real time until the limit on refreshes counts from 0 again. */
  untilNextMinute(): number
  isStolen(sessionId: string): boolean
  /** Called when an honest client has to sign in again. */
  honestLogout(browser: Browser, code: string | null): void
  /** 'storm': all actions. 'settling': no sleep and no new login. 'over': stop. */
  phase: 'storm' | 'settling' | 'over'
}

const REFRESH_PATH = '/session/refresh'
const DEVICE_PATH = '/session/device'
/** Probabilities per request. */
const LOST = 0.04
const SLOW = 0.12
const REPEATED = 0.04
const NAP = 0.006
const NEW_LOGIN = 0.006
const ATTEMPTS = 6
/** A login is repeated for about a minute, longer than any outage. */
const LOGIN_ATTEMPTS = 150
/** A registration that is not answered is repeated while its challenge is good. */
const BIND_ATTEMPTS = 20
/** Milliseconds within which a session must show that it still works. */
const FINAL_CHECK_TIMEOUT = 20_000

/** An honest client: tabs with one cookie jar, on an unreliable network. */
export class Browser {
  readonly name: string
  readonly jar: CookieJar = createJar()
  readonly story: Story = createStory()
  readonly tabs: number
  /** Called after every successful refresh. A thief may follow it. */
  onRefreshed: (() => void) | null = null
  signedIn = false
  /** The number of refreshes that a limit put off. */
  limited = 0
  /** The session that a server has bound to the key of this client. */
  boundSessionId: string | null = null
  readonly #world: World
  readonly #random: Random
  readonly #signer: Signer | null
  /** What the next proof signs. */
  #nonce: string | null = null
  readonly #gate = createGate()
  #sleepingUntil = 0
  #naps = 0

  /** @param signer the key that its sessions are bound to; null for none */
  constructor(name: string, world: World, random: Random, signer: Signer | null) {
    this.name = name
    this.#world = world
    this.#random = random
    this.#signer = signer
    this.tabs = 1 + Math.floor(random.next() * 4)
  }

  get sessionId(): string | null {
    return peek(this.jar)?.sessionId ?? null
  }

  get mayBeBound(): boolean {
    return this.#signer !== null
  }

  /** Runs until the storm is over. */
  async live(): Promise<void> {
    await sleep(this.#random.between(0, 2 * this.#world.accessTokenLifetime))
    await this.#signIn()
    await Promise.all(Array.from({ length: this.tabs }, (_, tab) => this.#liveIn(tab, this.#random.fork())))
  }

  /** Whether the session still works: it can be refreshed and its new access token is accepted. */
  async stillWorks(): Promise<'works' | 'ended' | 'no answer'> {
    const until = Date.now() + FINAL_CHECK_TIMEOUT
    while (Date.now() < until) {
      const refreshed = await this.#send('last', 'POST', REFRESH_PATH, this.#random, false)
      if (needsProof(refreshed)) continue
      if (refreshed?.status === 401) return 'ended'
      if (refreshed?.status === 200) {
        const used = await this.#send('last', 'GET', '/api', this.#random, false)
        if (used?.status === 200) return 'works'
        if (used?.status === 401 && !used.mayRefresh) return 'ended'
      }
      await sleep(500)
    }
    return 'no answer'
  }

  async #liveIn(tab: number, random: Random): Promise<void> {
    const world = this.#world
    for (;;) {
      await sleep(random.between(0.2, 2) * world.accessTokenLifetime * (1 + 8 * world.network.strain))
      await this.#awake()
      if (world.phase === 'over') return
      const before = this.sessionId
      const result = await this.#gate.shared(() => this.#visit(tab, random))
      // Another tab may have signed in already.
      if (result === 'ended')
        await this.#gate.exclusive(async () =>
          this.sessionId === before || this.sessionId === null ? this.#signIn() : undefined,
        )
      else if (world.phase === 'storm') await this.#actRandomly(random)
    }
  }

  /** Occasionally puts the browser to sleep or signs in again. */
  async #actRandomly(random: Random): Promise<void> {
    const { accessTokenLifetime } = this.#world
    if (random.chance(NAP)) {
      this.#sleepingUntil = Date.now() + random.between(2, 8) * accessTokenLifetime
      this.#naps++
      this.story.add(`sleeps for ${((this.#sleepingUntil - Date.now()) / 1000).toFixed(1)} s`)
    } else if (random.chance(NEW_LOGIN)) {
      await this.#gate.exclusive(async () => {
        if (random.chance(0.7)) await this.#signOut()
        await this.#signIn()
      })
    }
  }

  async #awake(): Promise<void> {
    while (Date.now() < this.#sleepingUntil && this.#world.phase === 'storm')
      await sleep(Math.min(500, this.#sleepingUntil - Date.now()))
  }

  /** One request to the API, with the refreshes it needs. */
  async #visit(tab: number, random: Random): Promise<'done' | 'ended'> {
    const who = `tab ${tab}`
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answer = await this.#send(who, 'GET', '/api', random)
      if (answer?.status === 200) return 'done'
      if (answer?.status === 401 && answer.mayRefresh) {
        if ((await this.#refresh(who, random)) === 'ended') return 'ended'
      } else if (answer?.status === 401) return this.#refused(answer)
      else await this.#pause(attempt, random)
    }
    return 'done'
  }

  async #refresh(who: string, random: Random): Promise<'done' | 'ended'> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answers = await Promise.all(
        Array.from({ length: random.chance(REPEATED) ? 2 : 1 }, () =>
          this.#send(who, 'POST', REFRESH_PATH, random),
        ),
      )
      // At once with a proof over the new challenge, as `pawl/client` does.
      if (answers.some(needsProof) && attempt % 2 === 0) continue
      const refused = answers.find((answer) => answer?.status === 401 && !needsProof(answer))
      if (refused != null) return this.#refused(refused)
      if (answers.some((answer) => answer?.status === 200)) {
        this.onRefreshed?.()
        return 'done'
      }
      await this.#pause(attempt, random)
    }
    return 'done'
  }

  /** Handles a 401 that a refresh cannot fix. Only a theft justifies it. */
  #refused(answer: Answer & { readonly presented?: string | null }): 'ended' {
    const { presented } = answer
    // Another tab got the 401 first, and its response emptied the jar.
    if (presented == null && !this.signedIn) return 'ended'
    if (presented == null || !this.#world.isStolen(presented)) this.#world.honestLogout(this, answer.code)
    this.signedIn = false
    return 'ended'
  }

  /** Exponential backoff, so that retries do not prolong an overload. */
  async #pause(attempt: number, random: Random): Promise<void> {
    await sleep(random.between(0.2, 1) * this.#world.timeout * 1.6 ** attempt)
  }

  async #signIn(): Promise<void> {
    for (let attempt = 0; attempt < LOGIN_ATTEMPTS && this.#world.phase !== 'over'; attempt++) {
      const answer = await this.#send('login', 'POST', `/login?user=${this.name}`, this.#random)
      if (answer?.status === 200) {
        this.signedIn = true
        this.#nonce = null
        if (this.#signer !== null && answer.registerChallenge !== null)
          await this.#bind(this.#signer, answer.registerChallenge)
        return
      }
      await sleep(this.#random.between(0.2, 0.6) * 1000)
    }
  }

  /** Binds the session. Without an answer it may be bound or not, and its refreshes find out. */
  async #bind(signer: Signer, challenge: string): Promise<void> {
    for (let attempt = 0; attempt < BIND_ATTEMPTS && this.#world.phase !== 'over'; attempt++) {
      this.#nonce = challenge
      const answer = await this.#send('binding', 'POST', DEVICE_PATH, this.#random, true, signer)
      if (answer?.status === 200) {
        this.boundSessionId = this.sessionId
        return
      }
      if (answer !== null && answer.status < 500) break
      await sleep(this.#random.between(0.2, 0.6) * 1000)
    }
    this.#nonce = null
  }

  async #signOut(): Promise<void> {
    this.signedIn = false
    for (let attempt = 0; attempt < LOGIN_ATTEMPTS && this.#world.phase !== 'over'; attempt++) {
      if ((await this.#send('logout', 'POST', '/session/logout', this.#random))?.status === 204) return
      await sleep(this.#random.between(0.2, 0.6) * 1000)
    }
  }

  /** @returns null when no response arrived in time */
  async #send(
    who: string,
    method: 'GET' | 'POST',
    path: string,
    random: Random,
    unreliable = true,
    signer = path === REFRESH_PATH ? this.#signer : null,
  ): Promise<(Answer & { readonly presented: string | null }) | null> {
    const { network, ports, timeout } = this.#world
    const cookie = this.jar.header(path.replace(/\?.*/, ''))
    const presented = peek(this.jar)
    const startedAt = performance.now()
    const naps = this.#naps
    const process = Math.floor(random.next() * ports().length)
    const what = `${who}: ${path.replace(/\?.*/, '')} with ${presented?.label ?? 'nothing'} at process ${process}`
    const left = (): number => timeout - (performance.now() - startedAt)

    if (unreliable && random.chance(SLOW)) await sleep(random.between(0, 0.4) * timeout)
    const port = ports()[process]!
    const dpop =
      signer === null || this.#nonce === null
        ? {}
        : { dpop: signer.prove(method, `http://127.0.0.1:${port}${path}`, this.#nonce) }
    const answer = await network.send(port, method, path, { cookie, ...dpop }, left())
    const outcome = answer === null ? '' : `${answer.status} ${answer.code ?? answer.verdict ?? ''}`
    if (answer?.limited === true) this.limited++
    if (answer === null) {
      this.story.add(`${what} -> no answer`)
      return null
    }
    if (unreliable && random.chance(LOST)) {
      this.story.add(`${what} -> ${outcome}, lost`)
      return null
    }
    if (unreliable && random.chance(SLOW)) await sleep(random.between(0, 1.1) * timeout)
    if (left() < 0 || naps !== this.#naps) {
      this.story.add(`${what} -> ${outcome}, late`)
      return null
    }
    this.jar.store(answer.setCookies)
    if (signer !== null && answer.nonce !== null) this.#nonce = answer.nonce
    this.story.add(`${what} -> ${outcome}; holds ${peek(this.jar)?.label ?? 'nothing'}`)
    return { ...answer, presented: presented?.sessionId ?? null }
  }
}

function needsProof(answer: Answer | null): boolean {
  return answer?.code === 'device_proof_required'
}
