import {
  type Decision,
  decide,
  decideEvidence,
  decideRenewal,
  type RotationSettings,
  type RotationState,
} from '../../../src/core/rotation/decision.ts'
import {
  mayHoldReauthentication,
  remainingAfter,
  reuseSinceAfter,
} from '../../../src/core/session/renewal.ts'
import type { Outcome, Step, Worlds } from '../explore.ts'
import { clock, name, type Token, when } from '../tokens.ts'
import { type Challenge, createDeviceRules, type Holder, type Proof, REGISTER, VOUCHES } from './device.ts'
import { keyOf } from './key.ts'
import type { Mutation } from './mutations.ts'

/**
 * A small world of a bound session: one browser with a key, several tabs and one cookie jar, a network, processes whose clocks
 * differ, a database that may lose its unsynced commits, and a thief who copies the whole jar. Time is counted in ticks.
 */

export interface BoundScope {
  readonly settings: RotationSettings
  /** `dbsc`: the browser proves itself and gets a cookie for it. `dpop`: the proof comes with the refresh. */
  readonly kind: 'dbsc' | 'dpop'
  /** Whether the session has just begun and is not bound yet. */
  readonly binding: boolean
  /** As in the other scopes: whether messages take time, get lost, and are repeated. */
  readonly network: 'atomic' | 'prompt' | 'slow' | 'faulty'
  readonly tabs: number
  /** Turns the session has behind it, none of them synced. */
  readonly history: number
  /** Turns after which a world is not followed any further. */
  readonly turns: number
  /** Refreshes the owner sends in total. */
  readonly refreshes: number
  /** Proofs the browser makes in total: the quota. A refresh without one goes out all the same. */
  readonly proofs: number
  readonly databaseCrashes: number
  /** Whether such a crash can also lose the key of the row, which is written durably: a failover may. */
  readonly losesKey: boolean
  /** How often the browser falls back to what its jar held before. Its key stays. */
  readonly browserCrashes: number
  readonly skew: boolean
  readonly reauthentications: number
  readonly renewals: number
  readonly thief: 'never' | 'at once' | 'any time'
  readonly thiefRefreshes: number
  /** How often the thief makes the application renew the session with a copied access token. */
  readonly thiefRenewals: number
  /** What the thief has besides the jar: the last proof with its challenge, or the challenge of the login. */
  readonly captures: 'nothing' | 'proof' | 'register challenge'
  readonly given: readonly RegExp[]
}

export interface Access {
  readonly issuedAt: number
  readonly expiresAt: number
  readonly version: number
  readonly authTime: number
}

export interface Jar {
  readonly refresh: Token
  readonly access: Access
  /** The device cookie. */
  readonly device: Proof | null
}

export type Call =
  | { readonly kind: 'request'; readonly token: Token; readonly proof: Proof | null; readonly sentAt: number }
  | {
      readonly kind: 'answer'
      readonly child: Token | null
      /** `null`: a proof is required, and the device cookie is cleared. */
      readonly access: Access | null
      readonly arrivesBy: number
      readonly mustArrive: boolean
    }

/** What the browser itself sends to the device route, and what that answers. */
export type Message =
  | { readonly kind: 'register'; readonly sentAt: number }
  | { readonly kind: 'registered'; readonly arrivesBy: number }
  | { readonly kind: 'prove'; readonly challenge: Challenge; readonly sentAt: number }
  /** Without a proof: the browser has lost its last challenge. */
  | { readonly kind: 'ask'; readonly sentAt: number }
  /** The session is not bound, so the browser drops its key. */
  | { readonly kind: 'end'; readonly arrivesBy: number }
  | { readonly kind: 'proved'; readonly device: Proof; readonly arrivesBy: number }

export interface Thief {
  readonly tokens: readonly Token[]
  readonly proofs: readonly Proof[]
  readonly access: readonly Access[]
  readonly challenge: Challenge | null
  readonly registerAt: number | null
  readonly copiedAt: number
  /** Whether the session was bound when the jar was copied. Before, the rotation alone protects it. */
  readonly ofBound: boolean
  /** When the access must have ended. */
  readonly promised: number
  readonly stay: number
}

export interface Pending {
  readonly lineage: number
  readonly at: number
  readonly authTime: number
  readonly reauthenticated: boolean
}

/** What a crash may bring back. */
export interface Stored {
  readonly row: RotationState
  readonly key: Holder | null
}

export interface BoundWorld extends Stored {
  readonly now: number
  readonly lineage: number
  readonly version: number
  readonly authTime: number
  readonly reuseSince: number | null
  readonly renewals: readonly Pending[]
  readonly unsynced: readonly Stored[]
  readonly jar: Jar
  readonly before: { readonly jar: Jar; readonly movedAt: number } | null
  /** When the login gave the challenge to register; null if there is none to sign. */
  readonly registerAt: number | null
  /** Whether the browser has the key of the session, and knows it. */
  readonly hasKey: boolean
  /** The last challenge that was signed, kept only where a thief captures it. */
  readonly signed: Challenge | null
  readonly calls: readonly (Call | null)[]
  readonly messages: readonly Message[]
  readonly thief: Thief | null
  readonly count: {
    readonly refreshes: number
    readonly proofs: number
    readonly thefts: number
    readonly thiefRenewals: number
    readonly databaseCrashes: number
    readonly browserCrashes: number
    readonly reauthentications: number
    readonly renewals: number
  }
}

type Change = Partial<BoundWorld>

/** What one refresh comes to. */
interface Refreshed {
  readonly verdict: string
  readonly kind: 'answered' | 'refused' | 'replaced' | 'proof required' | 'try again'
  readonly child: Token | null
  readonly access: Access | null
  readonly change: Change
}

export function createBoundWorlds(scope: BoundScope, mutation: Mutation | null): Worlds<BoundWorld> {
  const { settings, kind } = scope
  const { overlap, gracePeriod, tolerance } = settings
  const rules = createDeviceRules(kind, settings, mutation)
  /** A request and its answer each arrive within half the overlap, or never. */
  const half = overlap / 2
  /** After so many quiet ticks nothing expires any more. */
  const pause = Math.max(2 * overlap + tolerance, gracePeriod + tolerance, VOUCHES) + tolerance + 3
  const skews = scope.skew ? [0, tolerance] : [0]
  const slow = scope.network === 'slow' || scope.network === 'faulty'
  const faulty = scope.network === 'faulty'
  const loginTime = -pause * (scope.history + 1)
  let minted = 0

  function mint(generation: number, parent: Token | null, issuedAt: number, lineage = 0): Token {
    const fingerprint = new Uint8Array(16)
    new DataView(fingerprint.buffer).setUint32(0, ++minted)
    const parentFingerprint = parent?.fingerprint ?? new Uint8Array(16)
    return { number: minted, lineage, generation, fingerprint, parent: parentFingerprint, issuedAt }
  }

  function start(): BoundWorld {
    const isBound = !scope.binding
    let token = mint(0, null, loginTime)
    let row: RotationState = firstState(token)
    const unsynced: Stored[] = []
    for (let turn = 1; turn <= scope.history; turn++) {
      unsynced.push({ row, key: 'owner' })
      token = mint(turn, token, token.issuedAt + pause)
      row = { ...firstState(token), generation: turn, previous: token.parent }
    }
    const challenge = { token, at: 0 }
    const device = isBound && kind === 'dbsc' ? rules.earn(challenge, token, 0, 'owner') : null
    const access = { issuedAt: 0, expiresAt: rules.expiry(0, device), version: 0, authTime: loginTime }
    return {
      now: 0,
      row,
      key: isBound ? 'owner' : null,
      lineage: 0,
      version: 0,
      authTime: loginTime,
      reuseSince: null,
      renewals: [],
      unsynced: scope.databaseCrashes > 0 ? unsynced : [],
      jar: { refresh: token, access, device },
      before: null,
      registerAt: isBound ? null : 0,
      // A script or an app stores its key before it registers it. The browser itself has it with the answer.
      hasKey: isBound || kind === 'dpop',
      signed: isBound && scope.captures === 'proof' ? challenge : null,
      calls: Array.from({ length: scope.tabs }, () => null),
      messages: [],
      thief: null,
      count: {
        refreshes: 0,
        proofs: 0,
        thefts: 0,
        thiefRenewals: 0,
        databaseCrashes: 0,
        browserCrashes: 0,
        reauthentications: 0,
        renewals: 0,
      },
    }
  }

  /** The row's next state, and which earlier ones a crash could still bring back. */
  function written(world: BoundWorld, { verdict, next }: Decision): Change {
    if (next === undefined) return {}
    const { row, key, unsynced, count } = world
    const mayCrash = count.databaseCrashes < scope.databaseCrashes
    return { row: next, unsynced: verdict === 'sibling' || !mayCrash ? [] : [...unsynced, { row, key }] }
  }

  /** The row gets its key. Whoever has copied the jar before has what it was good for then. */
  function bound(world: BoundWorld, key: Holder): Change {
    const { row, thief, now, unsynced } = world
    const rest = Math.max(now, ...(thief?.access.map(({ expiresAt }) => expiresAt) ?? []))
    const isDurable = !scope.losesKey && mutation !== 'the key is written durably'
    return {
      key,
      unsynced: isDurable ? [] : [...unsynced, { row, key: world.key }],
      thief: thief && { ...thief, promised: Math.min(thief.promised, rest + tolerance) },
    }
  }

  function judge(world: BoundWorld, token: Token, arrivedAt: number, recordedAt: number): Decision | null {
    const renewal = world.renewals.find(({ lineage }) => lineage === token.lineage)
    if (renewal !== undefined) return decideRenewal(token, renewal.at, settings, arrivedAt, recordedAt)
    if (token.lineage === world.lineage) return decide(token, world.row, settings, arrivedAt, recordedAt)
    const isReuse = world.reuseSince !== null && token.issuedAt >= world.reuseSince
    return isReuse ? { verdict: 'reused', answer: 'refuse' } : null
  }

  function refresh(
    world: BoundWorld,
    token: Token,
    proof: Proof | null,
    arrivedAt: number,
    recordedAt: number,
  ): Refreshed {
    const nothing = { child: null, access: null, change: {} }
    const decision = judge(world, token, arrivedAt, recordedAt)
    if (decision === null) return { ...nothing, verdict: 'replaced', kind: 'replaced' }
    const vouching = world.key === null ? 'fresh' : rules.vouching(proof, token, arrivedAt, world.key)
    const verdict = world.key === null ? decision.verdict : `${vouching} proof, ${decision.verdict}`
    if (!rules.permitted(vouching, decision)) return { ...nothing, verdict, kind: 'proof required' }
    if (decision.answer === 'refuse') return { ...nothing, verdict, kind: 'refused' }
    if (decision.answer === 'try-again') return { ...nothing, verdict, kind: 'try again' }
    const renewal = world.renewals.find(({ lineage }) => lineage === token.lineage)
    const isPending = renewal !== undefined && decision.next === undefined
    const change: Change = {
      ...written(world, decision),
      ...(renewal !== undefined && !isPending && confirmed(world, renewal)),
    }
    const { version = world.version, authTime = renewal?.authTime ?? world.authTime } = change
    const end = rules.expiry(arrivedAt, world.key === null ? null : proof)
    const expiresAt = isPending ? rules.renewalExpiry(arrivedAt, end) : end
    const access = { issuedAt: arrivedAt, expiresAt, version, authTime }
    const child =
      decision.answer === 'keep' ? null : mint(token.generation + 1, token, arrivedAt, token.lineage)
    return { verdict, kind: 'answered', child, access, change }
  }

  function confirmed(world: BoundWorld, renewal: Pending): Change {
    return {
      lineage: renewal.lineage,
      version: world.version + 1,
      authTime: renewal.authTime,
      reuseSince: reuseSinceAfter(world, renewal),
      renewals: remainingAfter(world.renewals, renewal),
      unsynced: [],
    }
  }

  function steps(world: BoundWorld): Step<BoundWorld>[] {
    const { now, row, jar, calls, messages, thief, count } = world
    const result: Step<BoundWorld>[] = []
    if (row.generation >= scope.history + scope.turns) return result
    const add = (story: string, change: Change, outcome: Outcome = 'goes on'): void => {
      result.push({ story, world: { ...world, ...change }, outcome })
    }
    const isLiving = ({ lineage }: Token): boolean =>
      lineage === world.lineage || world.renewals.some((renewal) => renewal.lineage === lineage)
    // A copy from before the session was bound is found by the rotation, which ends the session.
    const over: Outcome = thief === null || thief.ofBound ? 'honest logout' : 'ended'
    const setCall = (tab: number, call: Call | null): Change => ({
      calls: calls.map((old, index) => (index === tab ? call : old)),
    })
    const without = (message: Message): readonly Message[] => messages.filter((other) => other !== message)
    const counted = (what: keyof BoundWorld['count']): Change => ({
      count: { ...count, [what]: count[what] + 1 },
    })
    const intoJar = (child: Token | null, access: Access): Change => ({
      jar: { ...jar, refresh: child ?? jar.refresh, access },
      ...(child !== null && { before: { jar, movedAt: now } }),
    })
    const cleared = (): Change => ({ jar: { ...jar, device: null } })
    /** Whether the browser can never prove itself again. */
    const isLockedOut =
      world.key === 'thief' ||
      (world.key === 'owner' && !world.hasKey && !messages.some((message) => message.kind === 'registered'))

    if (scope.thief === 'at once' && thief === null) {
      steal()
      return result
    }
    passTime()
    if (count.refreshes < scope.refreshes) send()
    calls.forEach(answerCall)
    if (world.registerAt !== null) register()
    if (kind === 'dbsc' && world.hasKey && count.proofs < scope.proofs) prove()
    messages.forEach(deliver)
    crashDatabase()
    if (count.reauthentications < scope.reauthentications) reauthenticate()
    if (count.renewals < scope.renewals) renewClaims()
    if (count.browserCrashes < scope.browserCrashes) fallBack()
    if (scope.thief !== 'never') {
      if (thief === null) steal()
      else actAsThief(thief)
    }
    return result

    function passTime(): void {
      const changes = [
        row.turnedAt,
        row.switchedAt ?? 0,
        jar.access.issuedAt,
        jar.refresh.issuedAt,
        jar.device?.at ?? 0,
        world.before?.movedAt ?? 0,
        world.renewals.at(-1)?.at ?? 0,
      ]
      const quiet = now - Math.max(...changes) >= pause
      const waiting = messages.length > 0 || calls.some((call) => call !== null)
      const isDue = (message: Call | Message | null): boolean => {
        if (message === null) return false
        return now >= ('arrivesBy' in message ? message.arrivesBy : message.sentAt + half)
      }
      const allowed = slow ? !calls.some(isDue) && !messages.some(isDue) : !waiting
      if (allowed && (!quiet || waiting)) add('a tick passes', { now: now + 1 })
    }

    /** The proof that comes with a refresh: over the last challenge that the client has got, or a new one. */
    function proofs(token: Token): readonly (Proof | null)[] {
      if (kind === 'dbsc') return [jar.device]
      const ages = token.issuedAt < now - overlap - tolerance - 1 ? [0, overlap + tolerance + 1] : [0]
      return ages.map((age) => rules.earn({ token, at: now - age }, token, now - age, 'owner'))
    }

    function send(): void {
      // The first idle tab stands for all idle tabs: they share the jar and are alike.
      const tab = calls.indexOf(null)
      const starting = calls.some((call) => call?.kind === 'answer' && call.mustArrive)
      if (tab === -1 || starting) return
      const token = jar.refresh
      for (const proof of proofs(token)) {
        const signed = kind === 'dpop' && scope.captures === 'proof' ? signedBy(proof) : {}
        const sent = { ...counted('refreshes'), ...signed }
        if (scope.network !== 'atomic') {
          const call: Call = { kind: 'request', token, proof, sentAt: now }
          add(`tab ${tab + 1} sends a refresh with ${name(token)}${withProof(proof)}`, {
            ...sent,
            ...setCall(tab, call),
          })
          continue
        }
        for (const skew of skews) {
          const found = refresh(world, token, proof, now + skew, now + skew)
          const story = `the browser refreshes with ${name(token)}${withProof(proof)}${clock(skew)}: ${found.verdict}`
          conclude(story, found, { ...sent, ...found.change }, {}, (child, access) =>
            access === null ? cleared() : intoJar(child, access),
          )
        }
      }
    }

    function signedBy(proof: Proof | null): Change {
      return proof === null ? {} : { signed: { token: proof.token, at: proof.challengedAt } }
    }

    function conclude(
      story: string,
      { kind, child, access }: Refreshed,
      change: Change,
      unanswered: Change,
      answered: (child: Token | null, access: Access | null) => Change,
    ): void {
      if (kind === 'refused') add(story, change, over)
      else if (kind === 'proof required') {
        const next = { ...change, ...answered(null, null) }
        add(`${story}: proof required`, next, isLockedOut ? 'honest logout' : 'goes on')
      } else if (kind === 'replaced')
        add(story, { ...change, ...unanswered }, isLiving(jar.refresh) ? 'goes on' : over)
      else if (kind === 'try again') add(story, { ...change, ...unanswered })
      else {
        const what = child === null ? 'keeps it' : `gets ${name(child)}`
        add(`${story}, ${what}`, { ...change, ...answered(child, access) })
      }
    }

    function answerCall(call: Call | null, tab: number): void {
      if (call === null) return
      const who = `tab ${tab + 1}`
      if (faulty && call.kind === 'request') add(`${who} gives its request up`, setCall(tab, null))
      if (call.kind === 'answer') {
        if (faulty && !call.mustArrive) add(`the answer to ${who} is lost`, setCall(tab, null))
        const { child, access } = call
        const change = access === null ? cleared() : intoJar(child, access)
        const what = access === null ? 'no device cookie' : name(change.jar!.refresh)
        add(`${who} gets its answer: ${what} in the jar`, { ...change, ...setCall(tab, null) })
        return
      }
      const { token, proof, sentAt } = call
      const earliest = slow ? Math.max(sentAt, now - half) : now
      for (let arrivedAt = earliest; arrivedAt <= Math.min(now, sentAt + half); arrivedAt++) {
        for (const skew of skews) {
          const found = refresh(world, token, proof, arrivedAt + skew, now + skew)
          const story = `${who}'s refresh with ${name(token)} arrived ${when(now - arrivedAt)}${clock(skew)}: ${found.verdict}`
          const arrivesBy = arrivedAt + half
          conclude(story, found, found.change, setCall(tab, null), (child, access) =>
            setCall(tab, { kind: 'answer', child, access, arrivesBy, mustArrive: false }),
          )
          if (faulty && found.change.row !== undefined)
            add(`${story}; the network repeats the request`, found.change)
        }
      }
    }

    /** A browser registers once. A script or an app repeats it until it has an answer. */
    function register(): void {
      const registerAt = world.registerAt!
      if (now - registerAt > REGISTER || messages.some((message) => message.kind === 'register')) return
      const rest = { registerAt: kind === 'dbsc' ? null : registerAt }
      if (scope.network === 'atomic') add('the browser registers its key', { ...rest, ...registered() })
      else
        add('the browser sends its key', {
          ...rest,
          messages: [...messages, { kind: 'register', sentAt: now }],
        })
    }

    /** What the server writes for a registration, and the browser learns. */
    function registered(): Change {
      const binds = kind === 'dpop' || mutation === 'a lost answer binds nothing'
      const written = binds && world.key === null ? bound(world, 'owner') : {}
      return { ...written, ...(scope.network === 'atomic' && { hasKey: true, registerAt: null }) }
    }

    /** The browser proves itself when its device cookie is gone or about to go. */
    function prove(): void {
      const { refresh: token, device } = jar
      const isNeeded = device === null || now - device.at >= VOUCHES - 2
      const underWay = messages.filter(({ kind }) => kind !== 'register' && kind !== 'registered').length
      if (!isNeeded || underWay >= scope.tabs) return
      // The answer of a bound session is a new challenge: the step below.
      if (scope.binding && scope.network !== 'atomic' && world.key === null)
        add('the browser asks for a challenge', {
          ...counted('proofs'),
          messages: [...messages, { kind: 'ask', sentAt: now }],
        })
      const ages = token.issuedAt < now - overlap - tolerance - 1 ? [0, overlap + tolerance + 1] : [0]
      for (const age of ages) {
        const challenge = { token, at: now - age }
        const change = { ...counted('proofs'), ...(scope.captures === 'proof' && { signed: challenge }) }
        const story = `proves itself for ${name(token)}${age === 0 ? '' : ' by an older challenge'}`
        if (scope.network !== 'atomic')
          add(`the browser ${story}`, {
            ...change,
            messages: [...messages, { kind: 'prove', challenge, sentAt: now }],
          })
        else
          for (const skew of skews) {
            const proved = earn(challenge, now + skew)
            if (proved !== null)
              add(`the browser ${story}${clock(skew)}`, {
                ...change,
                ...proved.change,
                jar: { ...jar, device: proved.device },
              })
          }
      }
    }

    /** The first proof binds the session: it shows that the browser has the key. */
    function earn(challenge: Challenge, at: number): { device: Proof; change: Change } | null {
      const device = rules.earn(challenge, challenge.token, at, 'owner')
      if (device === null || world.key === 'thief') return null
      return { device, change: world.key === null ? bound(world, 'owner') : {} }
    }

    function deliver(message: Message): void {
      const rest = without(message)
      if (faulty) add(`the network loses "${message.kind}"`, { messages: rest })
      if (message.kind === 'registered')
        add('the browser has its key', { hasKey: true, registerAt: null, messages: rest })
      if (message.kind === 'proved')
        add(`the browser gets its device cookie for ${name(message.device.token)}`, {
          jar: { ...jar, device: message.device },
          messages: rest,
        })
      if (message.kind === 'register')
        add('the key arrives', {
          ...registered(),
          messages: [...rest, { kind: 'registered', arrivesBy: now + half }],
        })
      if (message.kind === 'ask') {
        // A proof that binds the session may still be under way. So the server asks the browser to try again later.
        const isEnded = world.key === null && mutation === 'a registration is never ended unbound'
        const answer: Message[] = isEnded ? [{ kind: 'end', arrivesBy: now + half }] : []
        add('the question arrives', { messages: [...rest, ...answer] })
      }
      if (message.kind === 'end') add('the browser drops its key', { hasKey: false, messages: rest })
      if (message.kind !== 'prove') return
      for (const skew of skews) {
        const proved = earn(message.challenge, now + skew)
        if (proved === null) continue
        const { device, change } = proved
        add(`the proof for ${name(device.token)} arrives${clock(skew)}`, {
          ...change,
          messages: [...rest, { kind: 'proved', device, arrivesBy: now + half }],
        })
        if (faulty && Object.keys(change).length > 0) add('the proof arrives; the network repeats it', change)
      }
    }

    /** The user enters the password. */
    function reauthenticate(): void {
      for (const skew of skews)
        answerRenewal(
          `the user authenticates again${clock(skew)}`,
          renew(jar.refresh, jar.access, now + skew, now + skew, true),
          counted('reauthentications'),
        )
    }

    function renewClaims(): void {
      for (const skew of skews) {
        const renewal = renewWith(jar.refresh, jar.access, now + skew)
        if (renewal !== null)
          answerRenewal(`the user renews the session${clock(skew)}`, renewal, counted('renewals'))
      }
    }

    /** A renewal without a password, for the holder of an access token. */
    function renewWith(from: Token, access: Access, at: number): ReturnType<typeof renew> | null {
      if (access.version < world.version || at >= access.expiresAt) return null
      if (mayHoldReauthentication(world, access, settings)) return null
      const authTime = Math.max(access.authTime, world.authTime)
      return renew(from, access, at, authTime, access.authTime > world.authTime)
    }

    function renew(
      from: Token,
      { expiresAt }: Access,
      at: number,
      authTime: number,
      reauthenticated: boolean,
    ): { child: Token; access: Access; change: Change } {
      const lineage = 1 + count.reauthentications + count.renewals + count.thiefRenewals
      const child = mint(row.generation + 1, { ...from, fingerprint: row.current }, at, lineage)
      const until = reauthenticated && authTime === at ? Number.POSITIVE_INFINITY : expiresAt
      return {
        child,
        access: { issuedAt: at, expiresAt: rules.renewalExpiry(at, until), version: world.version, authTime },
        change: { renewals: [...world.renewals, { lineage, at, authTime, reauthenticated }], unsynced: [] },
      }
    }

    function answerRenewal(
      story: string,
      { child, access, change }: ReturnType<typeof renew>,
      more: Change,
    ): void {
      const tab = calls.indexOf(null)
      if (!isLiving(jar.refresh) || tab === -1) return
      const next = { ...change, ...more }
      if (scope.network === 'atomic')
        add(`${story}: ${name(child)} in the jar`, { ...next, ...intoJar(child, access) })
      else
        add(`${story}: ${name(child)}`, {
          ...next,
          ...setCall(tab, { kind: 'answer', child, access, arrivesBy: now + half, mustArrive: false }),
        })
    }

    function crashDatabase(): void {
      if (count.databaseCrashes >= scope.databaseCrashes) return
      for (const [index, old] of world.unsynced.entries()) {
        const what = old.key === world.key ? '' : ', where it is not bound'
        add(`the database crashes and is back at generation ${old.row.generation}${what}`, {
          ...old,
          unsynced: world.unsynced.slice(0, index),
          ...counted('databaseCrashes'),
        })
      }
    }

    /** Covered only if the browser is heard, with a new proof, and answered within the late window. */
    function fallBack(): void {
      const { before } = world
      if (before === null || calls.some((call) => call !== null) || messages.length > 0) return
      const token = before.jar.refresh
      const isRenewed = token.lineage !== jar.refresh.lineage
      if (now - before.movedAt > (isRenewed ? overlap : gracePeriod)) return
      for (const skew of skews) {
        const at = now + skew
        const proof = rules.earn({ token, at }, token, at, 'owner')
        const found = refresh(world, token, proof, at, at)
        const story = `the browser crashes, falls back to ${name(token)}, proves itself and refreshes${clock(skew)}: ${found.verdict}`
        const change = {
          ...found.change,
          ...counted('browserCrashes'),
          jar: { ...before.jar, device: kind === 'dbsc' ? proof : null },
          before: null,
        }
        conclude(story, found, change, {}, (child, access) =>
          setCall(0, { kind: 'answer', child, access, arrivesBy: now + half, mustArrive: true }),
        )
      }
    }

    function steal(): void {
      const { signed, registerAt } = world
      const isBound = world.key === 'owner'
      const captured = scope.captures === 'proof' ? signed : null
      const promised = Math.max(rules.promise(now, captured !== null), jar.access.expiresAt)
      const captures = captured === null ? '' : ` and the proof for ${name(captured.token)}`
      add(`the thief copies the jar with ${name(jar.refresh)}${withProof(jar.device)}${captures}`, {
        thief: {
          tokens:
            captured === null || captured.token === jar.refresh
              ? [jar.refresh]
              : [jar.refresh, captured.token],
          proofs: [
            ...(jar.device === null ? [] : [jar.device]),
            ...(kind === 'dpop' && captured !== null
              ? [rules.earn(captured, captured.token, captured.at, 'owner')!]
              : []),
          ],
          access: [jar.access],
          challenge: kind === 'dbsc' ? captured : null,
          registerAt: scope.captures === 'register challenge' ? (registerAt ?? 0) : null,
          copiedAt: now,
          ofBound: isBound,
          promised: isBound ? promised : Number.POSITIVE_INFINITY,
          stay: isBound ? jar.access.expiresAt - now : 0,
        },
      })
    }

    /** The thief has another access token: by then its access must have ended. */
    function gains(known: Thief, access: Access): { change: Change; outcome: Outcome } {
      const stay = known.ofBound ? Math.max(known.stay, access.expiresAt - known.copiedAt) : 0
      const change = { thief: { ...known, access: [...known.access, access].slice(-2), stay } }
      return { change, outcome: access.expiresAt > known.promised ? 'thief stayed' : 'goes on' }
    }

    function actAsThief(known: Thief): void {
      if (count.thefts < scope.thiefRefreshes) for (const token of known.tokens) refreshAsThief(known, token)
      if (known.challenge !== null) replay(known, known.challenge)
      if (count.thiefRenewals < scope.thiefRenewals) renewAsThief(known)
      registerAsThief(known)
    }

    function refreshAsThief(known: Thief, token: Token): void {
      // Without a proof nothing changes, unless the session is not bound.
      const isFree = world.key === null || mutation === 'the proof is checked'
      for (const proof of isFree ? [null] : known.proofs) {
        for (const skew of skews) {
          const { verdict, kind, child, access, change } = refresh(
            world,
            token,
            proof,
            now + skew,
            now + skew,
          )
          const story = `the thief refreshes with ${name(token)}${withProof(proof)}${clock(skew)}: ${verdict}`
          if (kind === 'refused') add(story, {}, over)
          if (access === null) continue
          const gained = gains(change.thief ?? known, access)
          const tokens = child === null ? known.tokens : [...known.tokens, child].slice(-3)
          add(
            child === null ? story : `${story}, gets ${name(child)}`,
            {
              ...change,
              ...counted('thefts'),
              ...(child !== null && mutation === 'evidence is ignored' && used(child)),
              thief: { ...gained.change.thief!, tokens },
            },
            gained.outcome,
          )
        }
      }
    }

    /** The thief uses the access token that came with a refresh token. */
    function used(twin: Token): Change {
      const decision = decideEvidence(twin, row, settings, now)
      return decision === null ? {} : written(world, decision)
    }

    /** The thief sends a captured proof once more. */
    function replay(known: Thief, challenge: Challenge): void {
      for (const token of known.tokens) {
        for (const skew of skews) {
          const device = rules.earn(challenge, token, now + skew, 'owner')
          if (device === null || world.key === 'thief') continue
          const isKnown = known.proofs.some(
            ({ at, challengedAt, token: other }) =>
              at === device.at && challengedAt === device.challengedAt && other === token,
          )
          if (isKnown) continue
          const change = world.key === null ? bound(world, 'owner') : {}
          add(`the thief repeats the proof for ${name(challenge.token)} with ${name(token)}${clock(skew)}`, {
            ...change,
            thief: { ...(change.thief ?? known), proofs: [...known.proofs, device].slice(-2) },
          })
        }
      }
    }

    function renewAsThief(known: Thief): void {
      if (!known.tokens.some(isLiving)) return
      for (const access of known.access) {
        const renewal = renewWith(known.tokens[0]!, access, now)
        if (renewal === null) continue
        const { change, outcome } = gains(known, renewal.access)
        const tokens = [...known.tokens, renewal.child].slice(-3)
        add(
          `the thief renews the session: ${name(renewal.child)}`,
          { ...renewal.change, ...counted('thiefRenewals'), thief: { ...change.thief!, tokens } },
          outcome,
        )
      }
    }

    /** The thief registers a key of its own, with the copied cookies. */
    function registerAsThief({ registerAt, tokens }: Thief): void {
      const isGiven = mutation === 'a challenge to register comes with a login alone'
      const isCaptured =
        registerAt !== null &&
        (now - registerAt <= REGISTER || mutation === 'a challenge to register expires')
      const mayReplace = world.key === null || mutation === 'a key is never replaced'
      if ((!isGiven && !isCaptured) || !mayReplace || !tokens.some(isLiving) || world.key === 'thief') return
      add('the thief registers a key', bound(world, 'thief'))
    }
  }

  function stayOf(_: BoundWorld, { world: { thief } }: Step<BoundWorld>): number {
    return thief?.stay ?? 0
  }

  return { given: scope.given, start, steps, stayOf, keyOf }
}

function withProof(proof: Proof | null): string {
  return proof === null ? '' : ` and a proof for ${name(proof.token)}`
}

function firstState(token: Token): RotationState {
  const { generation, fingerprint: current, issuedAt: turnedAt } = token
  return { generation, current, previous: null, turnedAt, switchedAt: null }
}
