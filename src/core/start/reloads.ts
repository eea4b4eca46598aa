import { mayReload } from '../environment.ts'
import { processWarnings } from '../observability/logger.ts'
import { callSite } from './call-site.ts'

/** Replaced sessions are closed after nothing has asked for them for this long, in ms: requests may still use them. */
const IDLE_BEFORE_CLOSE = 5000

/** Sessions of one evaluation of a module. */
export interface Reloadable {
  readonly name: string
  /** The sessions, or null; without counting as a use. */
  peek(): object | null
  /** Whether anything has asked for the sessions since the last call. */
  takeUse(): boolean
  /** Closes the sessions if the function has made them. They are made again if somebody asks for them. */
  release(): Promise<void>
}

interface Member {
  readonly sessions: Reloadable
  /** `replaced`: a later evaluation has made its own. `kept`: it was used again all the same. */
  state: 'current' | 'replaced' | 'retiring' | 'released' | 'kept'
  /** The member of the evaluation before, until it is closed. */
  previous: Member | null
}

interface Evaluation {
  readonly module: string
  readonly turn: object
  readonly members: Member[]
  readonly previous: readonly Member[]
}

/** Other copies of this module use it, too. */
interface Registry {
  readonly evaluations: Map<string, Evaluation>
  /** Lasts as long as a turn of the event loop, in which no module can be loaded twice. */
  turn: object | null
}

const KEY: unique symbol = Symbol.for('pawl.reloads')
const shared = globalThis as typeof globalThis & { [KEY]?: Registry }

/**
 * Dev servers load a module again after each edit. The sessions of the evaluation before are closed once those of the new
 * one are made. In production and in tests nothing is tracked.
 * @param key names the sessions across evaluations; null: the file that called Pawl, and the order within it
 * @returns to be called whenever the function has made sessions
 */
export function trackReloads(sessions: Reloadable, key: string | null): () => void {
  if (!mayReload()) return () => {}
  const site = callSite()
  if (key === null && site === null) return () => {}
  shared[KEY] ??= { evaluations: new Map(), turn: null }
  const { evaluations } = shared[KEY]
  const place = key === null ? `file ${site!.file}` : `key ${key}`
  const module = site?.module ?? ''
  const turn = currentTurn(shared[KEY])
  let evaluation = evaluations.get(place)
  if (evaluation === undefined || evaluation.module !== module || evaluation.turn !== turn) {
    evaluation = { module, turn, members: [], previous: evaluation?.members ?? [] }
    evaluations.set(place, evaluation)
  }
  const previous = evaluation.previous[evaluation.members.length] ?? null
  const member: Member = { sessions, state: 'current', previous }
  evaluation.members.push(member)
  return () => made(member, place)
}

function currentTurn(registry: Registry): object {
  if (registry.turn === null) {
    registry.turn = {}
    setImmediate(() => {
      registry.turn = null
    })
  }
  return registry.turn
}

function made(member: Member, place: string): void {
  if (member.state === 'released') {
    member.state = 'kept'
    processWarnings.warn(
      { event: 'sessionsReplaced' },
      `${member.sessions.name} is used although later sessions of the same ${place} have replaced it: give each lazySessions() a \`key\` of its own`,
    )
  } else if (member.state === 'replaced') retire(member)
  for (let newer = member; newer.previous !== null; ) {
    const older = newer.previous
    const sessions = older.sessions.peek()
    // A function may return sessions that another module keeps.
    if (older.state === 'retiring') release(older)
    else if (sessions === null) older.state = 'replaced'
    else if (sessions !== member.sessions.peek() && older.state !== 'kept') retire(older)
    if (older.state === 'retiring') newer = older
    else newer.previous = older.previous
  }
}

function retire(member: Member): void {
  member.state = 'retiring'
  member.sessions.takeUse()
  const timer = setInterval(() => {
    if (member.state === 'retiring' && member.sessions.takeUse()) return
    clearInterval(timer)
    if (member.state === 'retiring') release(member)
  }, IDLE_BEFORE_CLOSE)
  timer.unref()
}

function release(member: Member): void {
  member.state = 'released'
  member.sessions.release().catch((error: unknown) => {
    processWarnings.warn({ event: 'closeFailed', error }, 'replaced sessions could not be closed')
  })
}
