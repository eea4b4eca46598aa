import {
  type Decision,
  decide,
  decideEvidence,
  decideRenewal,
  type Presented,
  type RotationSettings,
  type RotationState,
} from '../../src/core/rotation/decision.ts'
import { mayHoldReauthentication, remainingAfter, reuseSinceAfter } from '../../src/core/session/renewal.ts'
import type { Outcome, Step, Worlds } from './explore.ts'
import { type Mutation, mutated } from './mutations.ts'
import { clock, createNaming, name, same, type Token, when } from './tokens.ts'

/**
 * A small world around the real decision: one browser with several tabs and one cookie jar, a network,
 * processes whose clocks differ, confirmations that come late, a database that may lose its unsynced
 * commits, and perhaps a thief. Time is counted in ticks. The `steps` of a world are all the things that
 * can happen to it next.
 */

/** In ticks: small enough to explore. */
export const SHORT: RotationSettings = {
  overlap: 2,
  gracePeriod: 3,
  tolerance: 1,
  onDatabaseRollback: 'accept',
}
/** As by default, half the overlap is longer than the clock tolerance. */
export const LONG: RotationSettings = {
  overlap: 4,
  gracePeriod: 4,
  tolerance: 1,
  onDatabaseRollback: 'accept',
}

export interface Scope {
  readonly settings: RotationSettings
  /**
   * `atomic`: a refresh is one step, its answer included. `prompt`: steps of different tabs mix, but no
   * time passes while something is under way. `slow`: it may. `faulty`: requests and answers are lost and
   * repeated besides, and confirmations are lost.
   */
  readonly network: 'atomic' | 'prompt' | 'slow' | 'faulty'
  readonly tabs: number
  /** Turns the session has behind it, none of them synced. */
  readonly history: number
  /** Turns after which a world is not followed any further. */
  readonly turns: number
  /** Refreshes the owner sends in total. */
  readonly refreshes: number
  readonly databaseCrashes: number
  /** How often the browser falls back to what its jar held before. */
  readonly browserCrashes: number
  /** Whether processes' clocks differ, by the tolerance. */
  readonly skew: boolean
  /** Whether a new login replaces the session once, with everything else idle or under way for the old one. */
  readonly login: boolean
  /** How often the user authenticates again. */
  readonly reauthentications: number
  /** How often the user renews the session without that: for new claims, say. */
  readonly renewals: number
  /** Whether the thief makes the application renew the session without a password, once. */
  readonly thiefRenews: boolean
  /**
   * Whether the signing key retires once, a sibling subdomain plants a refresh cookie of the attacker's own session, and
   * the user signs out through a route that gets the access cookie alone.
   */
  readonly keyRetirement: boolean
  /** When the jar is copied. */
  readonly thief: 'never' | 'at once' | 'any time'
  readonly thiefRefreshes: number
  /** Whether the thief uses up the refreshes that a limit allows for its tokens. */
  readonly flood: boolean
  /** Leads to where the exploration begins: the last step that matches, one after the other. */
  readonly given: readonly RegExp[]
}

/** An access token: evidence of its twin, if it carries any. */
interface Access {
  readonly twin: Token | null
  readonly issuedAt: number
  /** The version of the row. */
  readonly version: number
  readonly authTime: number
  /** Whether the key that signed it has retired: it authenticates nobody and is no evidence. */
  readonly retired?: true
}

/** New tokens that nobody has presented after the settle time. */
interface Pending {
  readonly lineage: number
  readonly at: number
  readonly authTime: number
  readonly reauthenticated: boolean
}

interface Jar {
  readonly refresh: Token
  readonly access: Access
}

/** What a tab waits for: a refresh that is on its way, or an answer that is. */
type Call =
  | { readonly kind: 'request'; readonly token: Token; readonly sentAt: number }
  | {
      readonly kind: 'answer'
      readonly child: Token | null
      readonly access: Access
      readonly arrivesBy: number
      /** Answers a browser that fell back: covered only if it is heard within the late window. */
      readonly mustArrive: boolean
    }

type Owner = 'owner' | 'thief'

/** Use of an access token that a process has seen, or is about to. */
interface Use {
  readonly twin: Token
  readonly version: number
  readonly sentAt: number
  readonly by: Owner
}

interface Thief {
  readonly tokens: readonly Token[]
  readonly access: readonly Access[]
  /** Generation of the token at the theft. */
  readonly stolenAt: number
  /** Whether the user has authenticated again since the theft. */
  readonly early: boolean
  /** Who has presented a token two generations past the theft. */
  readonly presented: { readonly owner: boolean; readonly thief: boolean }
}

export interface World {
  readonly now: number
  readonly row: RotationState
  /** The rest of the row. A renewal changes it. */
  readonly lineage: number
  readonly version: number
  readonly authTime: number
  readonly reuseSince: number | null
  readonly renewals: readonly Pending[]
  /** Earlier states that a crash could bring back: those since the last durable commit. */
  readonly unsynced: readonly RotationState[]
  readonly jar: Jar
  /** The jar before its last change, and when that was. */
  readonly before: { readonly jar: Jar; readonly movedAt: number } | null
  readonly calls: readonly (Call | null)[]
  readonly uses: readonly Use[]
  readonly thief: Thief | null
  readonly count: {
    readonly refreshes: number
    readonly thefts: number
    readonly databaseCrashes: number
    readonly browserCrashes: number
    readonly logins: number
    readonly reauthentications: number
    readonly renewals: number
  }
  /** Children handed out so far, kept only where a mutation shares them. */
  readonly shared: readonly Token[]
  readonly keyRetired: boolean
  /** Whether the jar holds a refresh cookie of the attacker's own session besides. */
  readonly planted: boolean
  /** Tokens that a limit answers no longer. */
  readonly spent: readonly Token[]
}

type Change = Partial<World>

/** What one refresh comes to. */
interface Refreshed {
  readonly verdict: string
  readonly refused: boolean
  /** Whether a limit or a renewal kept a theft from being found. */
  readonly missed?: boolean
  /** Whether the token's lineage is gone, and the session goes on. */
  readonly replaced?: boolean
  /** `null` when the client is asked to try again. */
  readonly answer: { readonly child: Token | null; readonly access: Access } | null
  /** Whether the row was written. */
  readonly wrote: boolean
  readonly change: Change
}

export function createWorlds(scope: Scope, mutation: Mutation | null): Worlds<World> {
  const { overlap, gracePeriod, tolerance } = scope.settings
  const settings = mutation === 'clock tolerance' ? { ...scope.settings, tolerance: 0 } : scope.settings
  /** A request and its answer each arrive within half the overlap, or never. */
  const half = overlap / 2
  /** After so many quiet ticks every window is closed and waiting changes nothing. */
  const pause = Math.max(2 * overlap, gracePeriod) + 2 * tolerance + 1
  const skews = scope.skew ? [0, tolerance] : [0]
  const slow = scope.network === 'slow' || scope.network === 'faulty'
  const faulty = scope.network === 'faulty'
  const evidenceSettings =
    mutation === 'late evidence turns nothing' ? { ...settings, gracePeriod: 1e9 } : settings
  const renewalSettings = mutation === 'settle time' ? { ...settings, overlap: -1, tolerance: 0 } : settings
  const loginTime = -pause * (scope.history + 1)
  let minted = 0

  function mint(generation: number, parent: Token | null, issuedAt: number, lineage = 0): Token {
    const fingerprint = new Uint8Array(16)
    new DataView(fingerprint.buffer).setUint32(0, ++minted)
    return {
      number: minted,
      lineage,
      generation,
      fingerprint,
      parent: parent?.fingerprint ?? new Uint8Array(16),
      issuedAt,
    }
  }

  function start(): World {
    let token = mint(0, null, -pause * (scope.history + 1))
    let row: RotationState = firstState(token)
    const unsynced: RotationState[] = []
    for (let turn = 1; turn <= scope.history; turn++) {
      unsynced.push(row)
      token = mint(turn, token, token.issuedAt + pause)
      row = { ...firstState(token), generation: turn, previous: token.parent }
    }
    return {
      now: 0,
      row,
      lineage: 0,
      version: 0,
      authTime: loginTime,
      reuseSince: null,
      renewals: [],
      unsynced: scope.databaseCrashes > 0 ? unsynced : [],
      jar: { refresh: token, access: { twin: null, issuedAt: 0, version: 0, authTime: loginTime } },
      before: null,
      calls: Array.from({ length: scope.tabs }, () => null),
      uses: [],
      thief: null,
      count: {
        refreshes: 0,
        thefts: 0,
        databaseCrashes: 0,
        browserCrashes: 0,
        logins: 0,
        reauthentications: 0,
        renewals: 0,
      },
      shared: [],
      spent: [],
      keyRetired: false,
      planted: false,
    }
  }

  /** The row's next state, and which earlier ones a crash could still bring back. */
  function written(world: World, { verdict, next }: Decision): Pick<World, 'row' | 'unsynced'> {
    if (next === undefined) return { row: world.row, unsynced: world.unsynced }
    const durable = verdict === 'sibling' && mutation !== 'durable sibling switch'
    const mayCrash = world.count.databaseCrashes < scope.databaseCrashes
    return { row: next, unsynced: durable || !mayCrash ? [] : [...world.unsynced, world.row] }
  }

  function refresh(world: World, token: Token, by: Owner, arrivedAt: number, recordedAt: number): Refreshed {
    const nothing = { refused: false, answer: null, wrote: false, change: presents(world, token, by) }
    const renewal = world.renewals.find(({ lineage }) => lineage === token.lineage)
    if (token.lineage !== world.lineage && renewal === undefined) return refreshReplaced(world, token, by)
    const recorded = mutation === 'windows from the recorded turn' ? token.issuedAt : recordedAt
    const decision =
      renewal === undefined
        ? mutated(
            mutation,
            decide(token, world.row, settings, arrivedAt, recorded),
            token,
            world.row,
            recorded,
          )
        : decideRenewal(token, renewal.at, renewalSettings, arrivedAt, recorded)
    const { verdict } = decision
    if (mutation === 'limits after the decision' && world.spent.length > 0)
      return { ...nothing, verdict: 'limited', missed: decision.answer === 'refuse' }
    if (decision.answer === 'refuse')
      return { verdict, refused: true, answer: null, wrote: false, change: {} }
    if (world.spent.includes(token)) return { ...nothing, verdict: 'limited' }
    if (decision.answer === 'try-again')
      return { verdict: 'try again', refused: false, answer: null, wrote: false, change: {} }
    const change: Change = {
      ...written(world, decision),
      ...(renewal === undefined && presents(world, token, by)),
      ...(renewal !== undefined && decision.next !== undefined && confirmed(world, renewal)),
    }
    const { version = world.version, authTime: confirmedTime = renewal?.authTime ?? world.authTime } = change
    const isShared = mutation === 'renewal of one lineage' && hasReauthenticated(world)
    const authTime = isShared ? arrivedAt : confirmedTime
    const wrote = decision.next !== undefined
    if (decision.answer === 'keep') {
      const isRecorded = same(change.row!.current, token.fingerprint) || renewal !== undefined
      const access = { twin: isRecorded ? null : token, issuedAt: arrivedAt, version, authTime }
      return { verdict, refused: false, answer: { child: null, access }, wrote, change }
    }
    const shares = mutation === 'own child for every caller'
    const known = shares ? world.shared.find(({ parent }) => same(parent, token.fingerprint)) : undefined
    const child = known ?? mint(token.generation + 1, token, arrivedAt, token.lineage)
    return {
      verdict,
      refused: false,
      answer: { child, access: { twin: child, issuedAt: arrivedAt, version, authTime } },
      wrote,
      change: shares && known === undefined ? { ...change, shared: [...world.shared, child] } : change,
    }
  }

  /** A token of a lineage that a renewal has replaced. */
  function refreshReplaced(world: World, token: Token, by: Owner): Refreshed {
    const isReuse = world.reuseSince !== null && token.issuedAt >= world.reuseSince
    const nothing = { answer: null, wrote: false, change: {} }
    if (isReuse && mutation !== 'reuse after a renewal without a password')
      return { ...nothing, verdict: 'reused', refused: true }
    // The user signs in again, which ends the session that the old token names. The mutations leave it to the thief.
    const missed = by === 'owner' && world.thief?.tokens.some(({ lineage }) => lineage === world.lineage)
    return { ...nothing, verdict: 'replaced', refused: false, replaced: true, missed: missed === true }
  }

  function confirmed(world: World, renewal: Pending): Change {
    return {
      lineage: renewal.lineage,
      version: world.version + 1,
      authTime: renewal.authTime,
      reuseSince:
        renewal.reauthenticated && mutation === 'reuse after a copied reauthentication'
          ? null
          : reuseSinceAfter(world, renewal),
      renewals: remainingAfter(world.renewals, renewal),
      // Both holders have to show up again in the new lineage.
      thief: world.thief && { ...world.thief, presented: { owner: false, thief: false } },
      unsynced: [],
    }
  }

  function steps(world: World): Step<World>[] {
    const { now, row, jar, calls, uses, thief, count } = world
    const result: Step<World>[] = []
    if (row.generation >= scope.history + scope.turns) return result
    const add = (story: string, change: Change, outcome: Outcome = 'goes on'): void => {
      const next = { ...world, ...change }
      const { presented } = next.thief ?? {}
      const stayed = outcome === 'goes on' && presented?.owner === true && presented.thief
      result.push({ story, world: next, outcome: stayed ? 'thief stayed' : outcome })
    }
    const isLiving = ({ lineage }: Token): boolean =>
      lineage === world.lineage || world.renewals.some((renewal) => renewal.lineage === lineage)
    // A reauthentication that has taken effect ends all copies, so the thief can do no more harm.
    const isHarmless = (known: Thief): boolean =>
      known.early && world.authTime > loginTime && !known.tokens.some(isLiving)
    const over: Outcome = thief === null || isHarmless(thief) ? 'honest logout' : 'ended'
    /** After "replaced", a tab tries again with the token in the jar. */
    const outcomeOf = (missed = false, replaced = false, inJar: Token): Outcome => {
      if (missed) return 'thief stayed'
      return replaced && !isLiving(inJar) ? over : 'goes on'
    }
    const setCall = (tab: number, call: Call | null): Change => ({
      calls: calls.map((old, index) => (index === tab ? call : old)),
    })
    const counted = (what: keyof World['count']): Change => ({ count: { ...count, [what]: count[what] + 1 } })
    const intoJar = (child: Token | null, access: Access): Change => ({
      jar: { refresh: child ?? jar.refresh, access },
      ...(child !== null && { before: { jar, movedAt: now } }),
    })

    if (scope.thief === 'at once' && thief === null) {
      steal()
      return result
    }
    passTime()
    if (count.refreshes < scope.refreshes) send()
    calls.forEach(answerCall)
    use()
    uses.forEach(confirm)
    crashDatabase()
    if (count.reauthentications < scope.reauthentications) reauthenticate()
    if (count.renewals < scope.renewals) renewClaims()
    if (scope.keyRetirement) retireKey()
    if (count.browserCrashes < scope.browserCrashes) fallBack()
    if (scope.login && count.logins === 0) logIn()
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
        world.before?.movedAt ?? 0,
        newest(world),
      ]
      const quiet = now - Math.max(...changes) >= pause
      const underWay = calls.some((call) => call !== null)
      const waiting = underWay || uses.length > 0
      // Where nothing is slow, nothing is under way while time passes, but for evidence without an age limit.
      const allowed = slow
        ? !calls.some(
            (call) =>
              call !== null && now >= (call.kind === 'request' ? call.sentAt + 2 * half : call.arrivesBy),
          )
        : !(mutation === 'age limit on evidence' ? underWay : waiting)
      if (!allowed || (quiet && !waiting)) return
      // On its way for at most half the overlap, in the queue for at most another half.
      const counts = ({ sentAt }: Use): boolean =>
        mutation === 'age limit on evidence' || now + 1 - sentAt <= 2 * half
      add('a tick passes', { now: now + 1, uses: uses.filter(counts) })
    }

    function retireKey(): void {
      const retired = (access: Access): Access => ({ ...access, twin: null, retired: true })
      const inRetiredJar = (value: Jar): Jar => ({ ...value, access: retired(value.access) })
      if (!world.keyRetired) {
        add('the signing key retires', {
          keyRetired: true,
          jar: inRetiredJar(jar),
          before: world.before && { ...world.before, jar: inRetiredJar(world.before.jar) },
          calls: calls.map((call) =>
            call?.kind === 'answer' ? { ...call, access: retired(call.access) } : call,
          ),
          thief: thief && { ...thief, access: thief.access.map(retired) },
        })
      }
      if (!world.planted) add('a sibling subdomain plants a refresh cookie', { planted: true })
      if (calls.some((call) => call !== null)) return
      const isNamed = jar.access.retired !== true || mutation !== 'retired keys name sessions'
      const stays = !isNamed && thief?.tokens.some(isLiving) === true
      add(
        `the user signs out${isNamed ? '' : ', and no session is named'}`,
        {},
        stays ? 'thief stayed' : 'ended',
      )
    }

    /** Whether the server takes the planted refresh cookie: only if nothing names the session of the user. */
    function takesPlanted(): boolean {
      return world.planted && jar.access.retired === true && mutation === 'the access cookie chooses'
    }

    function send(): void {
      if (takesPlanted()) add('the browser refreshes, and becomes the attacker', {}, 'thief stayed')
      // The first idle tab stands for all idle tabs: they share the jar and are alike.
      const tab = calls.indexOf(null)
      const starting = calls.some((call) => call?.kind === 'answer' && call.mustArrive)
      if (tab === -1 || starting) return
      if (scope.network === 'atomic') {
        for (const skew of skews) refreshAtOnce(jar.refresh, skew)
        return
      }
      add(`tab ${tab + 1} sends a refresh with ${name(jar.refresh)}`, {
        ...setCall(tab, { kind: 'request', token: jar.refresh, sentAt: now }),
        ...counted('refreshes'),
      })
    }

    function refreshAtOnce(token: Token, skew: number): void {
      const { verdict, refused, missed, replaced, answer, change } = refresh(
        world,
        token,
        'owner',
        now + skew,
        now + skew,
      )
      const story = `the browser refreshes with ${name(token)}${clock(skew)}: ${verdict}`
      if (refused) add(story, {}, over)
      else if (answer === null)
        add(story, { ...change, ...counted('refreshes') }, outcomeOf(missed, replaced, token))
      if (answer === null) return
      add(`${story}, ${answer.child === null ? 'keeps it' : `gets ${name(answer.child)}`}`, {
        ...change,
        ...counted('refreshes'),
        ...intoJar(answer.child, answer.access),
      })
    }

    function answerCall(call: Call | null, tab: number): void {
      if (call === null) return
      const who = `tab ${tab + 1}`
      if (faulty && call.kind === 'request') add(`${who} gives its request up`, setCall(tab, null))
      if (call.kind === 'answer') {
        if (faulty && !call.mustArrive) add(`the answer to ${who} is lost`, setCall(tab, null))
        const change = intoJar(call.child, call.access)
        add(`${who} gets its answer: ${name(change.jar!.refresh)} in the jar`, {
          ...change,
          ...setCall(tab, null),
        })
        return
      }
      const earliest = slow ? Math.max(call.sentAt, now - half) : now
      for (let arrivedAt = earliest; arrivedAt <= Math.min(now, call.sentAt + half); arrivedAt++) {
        for (const skew of skews) decideCall(call, tab, arrivedAt, skew)
      }
    }

    function decideCall(
      call: Call & { kind: 'request' },
      tab: number,
      arrivedAt: number,
      skew: number,
    ): void {
      const { token } = call
      const { verdict, refused, missed, replaced, answer, wrote, change } = refresh(
        world,
        token,
        'owner',
        arrivedAt + skew,
        now + skew,
      )
      const story = `tab ${tab + 1}'s refresh with ${name(token)} arrived ${when(now - arrivedAt)}${clock(skew)}: ${verdict}`
      if (refused || answer === null) {
        add(story, setCall(tab, null), refused ? over : outcomeOf(missed, replaced, jar.refresh))
        return
      }
      const { child, access } = answer
      // Where minting counts as use, a token confirms itself before anyone has received it.
      const early = mutation === 'only presented tokens are evidence' && child !== null
      add(story, {
        ...change,
        ...(early && { uses: [...uses, { twin: child, version: access.version, sentAt: now, by: 'owner' }] }),
        ...setCall(tab, { kind: 'answer', child, access, arrivesBy: arrivedAt + half, mustArrive: false }),
      })
      if (faulty && wrote) add(`${story}; the network repeats the request`, change)
    }

    function use(): void {
      const { twin, version } = jar.access
      if (twin === null || uses.some((other) => other.twin === twin)) return
      present(
        { twin, version, sentAt: now, by: 'owner' },
        `the browser uses the access token of ${name(twin)}`,
      )
    }

    function present(used: Use, story: string): void {
      if (scope.network === 'atomic') confirm(used)
      else add(story, { uses: [...uses, used] })
    }

    function confirm(used: Use): void {
      const rest = uses.filter((other) => other !== used)
      if (faulty) add(`the confirmation of ${name(used.twin)} is lost`, { uses: rest })
      for (const skew of skews) {
        const at = now + skew
        const recorded = mutation === 'windows from the recorded turn' ? used.twin.issuedAt : at
        const ignored =
          (used.version < world.version && mutation !== 'evidence of the present version') ||
          (mutation === 'evidence at any age' && used.sentAt - used.twin.issuedAt > gracePeriod + tolerance)
        const found = ignored ? null : decideEvidence(used.twin, row, evidenceSettings, at, used.sentAt)
        const decision =
          found === null ? null : mutated(mutation, withTime(found, recorded), used.twin, row, recorded)
        const story = `the ${used.by}'s use of ${name(used.twin)} is confirmed${clock(skew)}: ${decision?.verdict ?? 'nothing new'}`
        if (decision?.answer === 'refuse') {
          add(story, {}, over)
          continue
        }
        // An older generation says nothing, so it does not count as presented either.
        const counts = used.version >= world.version && used.twin.generation >= row.generation
        const seen = counts ? presents(world, used.twin, used.by) : {}
        add(story, { ...(decision !== null && written(world, decision)), ...seen, uses: rest })
      }
    }

    /** The user enters the password. */
    function reauthenticate(): void {
      for (const skew of skews)
        answerRenewal(`the user authenticates again${clock(skew)}`, renew(now + skew, now + skew, true), {
          ...counted('reauthentications'),
          thief: thief === null ? null : { ...thief, early: true },
        })
    }

    /** The application renews the session with the access token in the jar. */
    function renewClaims(): void {
      for (const skew of skews) {
        const renewal = renewWith(jar.access, now + skew)
        if (renewal !== null)
          answerRenewal(`the user renews the session${clock(skew)}`, renewal, counted('renewals'))
      }
    }

    /** A renewal without a password, for the holder of an access token. @returns null if that is answered "refresh" */
    function renewWith({ version, issuedAt, authTime }: Access, at: number): ReturnType<typeof renew> | null {
      if (version < world.version) return null
      const mustRefresh = mayHoldReauthentication(world, { issuedAt, authTime }, settings)
      if (mustRefresh && mutation !== 'refresh before a renewal') return null
      return renew(at, Math.max(authTime, world.authTime), authTime > world.authTime)
    }

    /** The answer is a call like that of a refresh. */
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

    function renew(
      at: number,
      authTime: number,
      reauthenticated: boolean,
    ): { child: Token; access: Access; change: Change } {
      const lineage = 1 + count.reauthentications + count.renewals
      const parent = { ...jar.refresh, fingerprint: row.current }
      const child = mint(row.generation + 1, parent, at, lineage)
      return {
        child,
        access: { twin: null, issuedAt: at, version: world.version, authTime },
        change: { renewals: [...world.renewals, { lineage, at, authTime, reauthenticated }], unsynced: [] },
      }
    }

    /** The thief makes the application renew the session, by "sign out everywhere else" for example. */
    function renewAsThief(known: Thief): void {
      if (!known.tokens.some(isLiving) || count.renewals > 0) return
      // A copy takes longer than the millisecond that a real clock tells apart.
      for (const stolen of known.access.filter(({ authTime }) => authTime < now)) {
        const renewal = renewWith(stolen, now)
        if (renewal === null) continue
        const { child, access, change } = renewal
        const isPassed = known.early && access.authTime > loginTime
        add(
          `the thief renews the session: ${name(child)}`,
          {
            ...change,
            ...counted('renewals'),
            thief: {
              ...known,
              tokens: [...known.tokens, child].slice(-3),
              access: [...known.access, access].slice(-2),
            },
          },
          isPassed ? 'thief passed' : 'goes on',
        )
      }
    }

    function crashDatabase(): void {
      if (count.databaseCrashes >= scope.databaseCrashes) return
      for (const [index, old] of world.unsynced.entries()) {
        add(`the database crashes and is back at generation ${old.generation}`, {
          row: old,
          unsynced: world.unsynced.slice(0, index),
          ...counted('databaseCrashes'),
        })
      }
    }

    function fallBack(): void {
      const { before } = world
      // A use from before the crash must not be confirmed after it.
      if (before === null || calls.some((call) => call !== null) || uses.length > 0) return
      const isRenewed = before.jar.refresh.lineage !== jar.refresh.lineage
      if (now - before.movedAt > (isRenewed ? overlap : gracePeriod)) return
      for (const skew of skews) {
        const token = before.jar.refresh
        const { verdict, refused, replaced, answer, change } = refresh(
          world,
          token,
          'owner',
          now + skew,
          now + skew,
        )
        const story = `the browser crashes, falls back to ${name(token)} and refreshes${clock(skew)}: ${verdict}`
        if (refused || replaced === true) add(story, {}, over)
        else if (answer !== null) {
          const call: Call = { kind: 'answer', ...answer, arrivesBy: now + half, mustArrive: true }
          add(story, {
            ...change,
            ...counted('browserCrashes'),
            jar: before.jar,
            before: null,
            ...setCall(0, call),
          })
        }
      }
    }

    /** Refresh, login and logout take turns in one browser; uses of the old session may still be under way. */
    function logIn(): void {
      if (calls.some((call) => call !== null)) return
      const token = mint(0, null, now)
      add(`the user signs in anew: ${name(token)} in the jar`, {
        ...counted('logins'),
        row: firstState(token),
        unsynced: [],
        jar: { refresh: token, access: { twin: null, issuedAt: now, version: 0, authTime: loginTime } },
        before: null,
        uses: [],
      })
    }

    function steal(): void {
      add(`the thief copies the jar with ${name(jar.refresh)}`, {
        thief: {
          tokens: [jar.refresh],
          access: [jar.access],
          stolenAt: jar.refresh.generation,
          early: false,
          presented: { owner: false, thief: false },
        },
      })
    }

    function actAsThief(known: Thief): void {
      if (scope.flood) flood(known)
      if (scope.thiefRenews) renewAsThief(known)
      for (const token of count.thefts < scope.thiefRefreshes ? known.tokens : []) {
        for (const skew of skews) {
          const { verdict, refused, replaced, answer, change } = refresh(
            world,
            token,
            'thief',
            now + skew,
            now + skew,
          )
          const story = `the thief refreshes with ${name(token)}${clock(skew)}: ${verdict}`
          if (refused) add(story, {}, 'ended')
          else if (replaced === true) expel(story, known, token)
          else if (answer !== null) {
            const { child, access } = answer
            if (known.early && access.authTime > loginTime) add(story, {}, 'thief passed')
            const fresh = child !== null && !known.tokens.includes(child)
            add(fresh ? `${story}, gets ${name(child)}` : story, {
              ...change,
              ...counted('thefts'),
              thief: {
                ...(change.thief ?? known),
                tokens: fresh ? [...known.tokens, child].slice(-3) : known.tokens,
                access: [...known.access, access].slice(-2),
              },
            })
          }
        }
      }
      for (const { twin, version } of known.access) {
        if (twin === null || uses.some((other) => other.twin === twin)) continue
        present(
          { twin, version, sentAt: now, by: 'thief' },
          `the thief uses the access token of ${name(twin)}`,
        )
      }
    }

    /** A thief without a living token is out, and the session of the owner has to go on. */
    function expel(story: string, known: Thief, token: Token): void {
      const tokens = known.tokens.filter((other) => other !== token)
      add(`${story}, and is out`, { thief: tokens.length === 0 ? null : { ...known, tokens } })
    }

    function flood({ tokens }: Thief): void {
      for (const token of tokens.filter((candidate) => !world.spent.includes(candidate)))
        add(`the thief uses up the refreshes of ${name(token)}`, { spent: [...world.spent, token] })
    }
  }

  /** In turns. */
  function stayOf({ thief, row }: World, { outcome }: Step<World>): number {
    return thief === null || outcome === 'goes on' ? 0 : row.generation - thief.stolenAt
  }

  return { given: scope.given, start, steps, stayOf, keyOf }
}

function firstState(token: Token): RotationState {
  const { generation, fingerprint: current, issuedAt: turnedAt } = token
  return { generation, current, previous: null, turnedAt, switchedAt: null }
}

/** When the newest pending renewal was issued. */
function newest({ renewals }: World): number {
  return renewals.at(-1)?.at ?? 0
}

function hasReauthenticated({ count }: World): boolean {
  return count.reauthentications > 0
}

/** A decision whose turn is recorded at another time. */
function withTime(decision: Decision, recordedAt: number): Decision {
  return decision.next === undefined
    ? decision
    : { ...decision, next: { ...decision.next, turnedAt: recordedAt } }
}

/** Somebody presented a token: does it count as two generations past the theft? */
function presents({ thief }: World, token: Presented, by: Owner): Change {
  if (thief === null || token.generation < thief.stolenAt + 2) return {}
  return { thief: { ...thief, presented: { ...thief.presented, [by]: true } } }
}

/** Names a world by what it holds, whatever its tokens are numbered and whenever it happens. */
function keyOf(world: World): string {
  const { now, thief, before, count } = world
  const { label, token } = createNaming(now)
  const state = (row: RotationState): string =>
    `${row.generation}/${label(row.current)}/${row.previous === null ? '' : label(row.previous)}/${now - row.turnedAt}/${row.switchedAt === null ? '' : now - row.switchedAt}`
  const outdated = (version: number): string => (version < world.version ? 'x' : '')
  const access = ({ twin, issuedAt, version, authTime }: Access): string => {
    const times = world.renewals.length > 0 ? `^${now - issuedAt}/${now - authTime}` : ''
    return twin === null
      ? `${outdated(version)}${times}`
      : `${token(twin)}@${now - issuedAt}${outdated(version)}${times}`
  }
  const jar = (value: Jar): string => `${token(value.refresh)},${access(value.access)}`
  const call = (value: Call | null): string => {
    if (value === null) return '-'
    if (value.kind === 'request') return `?${token(value.token)}@${now - value.sentAt}`
    return `!${token(value.child)},${access(value.access)}@${value.arrivesBy - now}${value.mustArrive ? '!' : ''}`
  }
  let key = `${state(world.row)} ${jar(world.jar)}`
  for (const old of world.unsynced) key += `|${state(old)}`
  if (before !== null) key += ` <${jar(before.jar)}@${now - before.movedAt}`
  for (const value of world.calls) key += ` ${call(value)}`
  for (const used of world.uses)
    key += ` *${token(used.twin)}@${now - used.sentAt}${used.by[0]}${outdated(used.version)}`
  if (world.lineage > 0 || world.renewals.length > 0) {
    key += ` L${world.lineage}${world.reuseSince === null ? '' : `r${now - world.reuseSince}`}`
    for (const { lineage, at, authTime } of world.renewals) key += ` ${lineage}@${now - at}/${now - authTime}`
  }
  if (thief !== null) {
    key += ` ~${thief.stolenAt}${thief.early ? 'e' : ''}${thief.presented.owner ? 'o' : ''}${thief.presented.thief ? 't' : ''}`
    for (const value of thief.tokens) key += ` ${token(value)}`
    for (const value of thief.access) key += ` ${access(value)}`
  }
  for (const value of world.shared) key += ` =${token(value)}`
  if (world.keyRetired || world.planted)
    key += ` k${Number(world.keyRetired)}${Number(world.planted)}${Number(world.jar.access.retired ?? false)}`
  for (const value of world.spent) key += ` $${token(value)}`
  return `${key} ${count.refreshes}.${count.thefts}.${count.databaseCrashes}.${count.browserCrashes}.${count.logins}.${count.reauthentications}.${count.renewals}`
}
