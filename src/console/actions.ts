import type { ConsoleAction, SessionEvents } from '../core/observability/session-events.ts'
import type { Session } from '../core/session/session.ts'
import { whyEnded } from '../core/session/why-ended.ts'
import { counted } from '../portable/format.ts'
import { isSessionId } from '../portable/session-id.ts'
import { bounded, problemWords, readPart } from './bounded.ts'
import { type Html, html, prose } from './html.ts'
import { listSessions } from './list-sessions.ts'
import { isUserId } from './pages/users.ts'
import { exact, sessionUrl, userName, userUrl, type View } from './view.ts'

/** An action and what it is about, as the address of a request says. */
export interface Target {
  readonly action: ConsoleAction
  readonly sessionId: string | null
  readonly userId: string | null
}

/** An action that was found possible: what it is about to do, and how to do it. */
export interface Plan extends Target {
  /** The question, as a heading. */
  readonly title: string
  /** What will happen. Only the question needs it, so {@link run} does not wait for it. */
  effects(): readonly Html[] | Promise<readonly Html[]>
  /** The label of the button. */
  readonly label: string
  readonly isDangerous: boolean
  /** Where the result is shown, and where "cancel" leads. */
  readonly back: string
  /** @returns how many sessions this call changed; for a key its epoch */
  run(): Promise<number>
}

/** An action that is not possible, and why. */
export interface Impossible {
  readonly status: 400 | 404 | 409 | 503
  readonly title: string
  readonly text: Html
  readonly back: string
}

/** More sessions of a user are not counted for a question. */
const MAX_COUNTED = 100

/** @returns null for an action that the console does not know */
export function targetOf(view: View, name: string): Target | Impossible | null {
  const { query } = view
  switch (name as ConsoleAction) {
    case 'end-session':
    case 'expire-session': {
      const sessionId = query.get('session')
      if (!isSessionId(sessionId)) return badRequest(view)
      return { action: name as ConsoleAction, sessionId, userId: null }
    }
    case 'end-user':
    case 'expire-user': {
      const userId = query.get('user')
      if (!isUserId(userId)) return badRequest(view)
      return { action: name as ConsoleAction, sessionId: null, userId }
    }
    case 'end-others': {
      const [userId, sessionId] = [query.get('user'), query.get('keep')]
      if (!isUserId(userId) || !isSessionId(sessionId)) return badRequest(view)
      return { action: 'end-others', sessionId, userId }
    }
    case 'rotate-keys':
      return { action: 'rotate-keys', sessionId: null, userId: null }
    default:
      return null
  }
}

/** Reads whether an action is possible now. The session may have ended by the time that somebody confirms it. */
export async function planOf(view: View, target: Target): Promise<Plan | Impossible> {
  const { action, sessionId, userId } = target
  if (action === 'rotate-keys') return rotateKeys(view)
  if (sessionId === null) return action === 'end-user' ? endUser(view, userId!) : expireUser(view, userId!)
  const session = await bounded(() => view.sessions.get(sessionId))
  if (session === null) return missing(view)
  if (action === 'end-others') return endOthers(view, userId!, session)
  return action === 'end-session' ? endSession(view, session) : expireSession(view, session)
}

function endSession(view: View, session: Session): Plan {
  const { sessionId, userId } = session
  return {
    action: 'end-session',
    title: 'End this session?',
    effects: () => [
      alreadyEnded(view, session) ??
        html`The device is signed out: its next request is refused, in every process of the application.`,
      html`Sessions that were started from this one end too: by a handoff, or by acting as another user. All other sessions stay.`,
      html`The user can sign in again at once.`,
      html`This cannot be undone.`,
    ],
    label: 'End session',
    isDangerous: true,
    back: sessionUrl(view, sessionId),
    sessionId,
    userId,
    run: async () => Number(await view.sessions.revoke(sessionId, 'revoked')),
  }
}

function expireSession(view: View, session: Session): Plan {
  const { sessionId, userId } = session
  return {
    action: 'expire-session',
    title: 'Expire the access tokens of this session?',
    effects: () => [
      alreadyEnded(view, session) ??
        html`Access tokens that the session has are refused from now on. Its client gets a new one by a refresh.`,
      html`Nobody is signed out.`,
    ],
    label: 'Expire access tokens',
    isDangerous: false,
    back: sessionUrl(view, sessionId),
    sessionId,
    userId,
    run: () => view.sessions.expireAccessTokens(sessionId),
  }
}

function endUser(view: View, userId: string): Plan {
  return {
    action: 'end-user',
    title: 'End all sessions of this user?',
    effects: async () => [
      html`${userName(userId)} has ${await countActive(view, userId)} now. All of them end: every device is signed out, in every process of the application.`,
      html`The user can sign in again at once.`,
      html`This cannot be undone.`,
    ],
    label: 'End all sessions',
    isDangerous: true,
    back: userUrl(view, userId),
    sessionId: null,
    userId,
    run: () => view.sessions.revokeUser(userId),
  }
}

function expireUser(view: View, userId: string): Plan {
  return {
    action: 'expire-user',
    title: 'Expire the access tokens of this user?',
    effects: async () => [
      html`${userName(userId)} has ${await countActive(view, userId)} now. Access tokens that they have are refused from now on, and their clients get new ones by a refresh.`,
      html`Nobody is signed out.`,
    ],
    label: 'Expire access tokens',
    isDangerous: false,
    back: userUrl(view, userId),
    sessionId: null,
    userId,
    run: () => view.sessions.expireAccessTokens({ userId }),
  }
}

function endOthers(view: View, userId: string, kept: Session): Plan | Impossible {
  const keep = kept.sessionId
  if (kept.userId !== userId) return missing(view)
  if (!kept.active)
    return {
      status: 409,
      title: 'The session to keep has ended',
      text: html`${prose(
        whyEnded(kept, new Date(view.now), (at) => at.toISOString()),
        exact,
      )} Nothing was ended. To sign the user out everywhere, end all sessions instead.`,
      back: userUrl(view, userId),
    }
  return {
    action: 'end-others',
    title: 'End all other sessions of this user?',
    effects: async () => [
      html`${userName(userId)} has ${await countActive(view, userId)} now. All but this one end: every other device is signed out.`,
      html`This cannot be undone.`,
    ],
    label: 'End all others',
    isDangerous: true,
    back: sessionUrl(view, keep),
    sessionId: keep,
    userId,
    run: () => view.sessions.revokeUser(userId, { except: keep }),
  }
}

function rotateKeys(view: View): Plan | Impossible {
  const back = `${view.base}/`
  if (!canRotate(view))
    return {
      status: 409,
      title: 'The console cannot rotate these keys',
      text: html`The application brings its own keys (<code>keys.provided</code>), or the console runs without its secret.`,
      back,
    }
  return {
    action: 'rotate-keys',
    title: 'Rotate the signing key?',
    effects: () => [
      html`A new key is published now. It signs as soon as every process has had time to load it.`,
      html`The present key verifies until its last access token has expired. Nobody is signed out.`,
    ],
    label: 'Rotate key',
    isDangerous: false,
    back,
    sessionId: null,
    userId: null,
    run: async () => (await view.sessions.keys.rotate()).epoch,
  }
}

/** Whether Pawl makes the keys, or a function of the application does. */
export function canRotate({ engine }: Pick<View, 'engine'>): boolean {
  const { provided } = engine.options.keys
  return (provided === null || typeof provided === 'function') && engine.store.readOnly !== true
}

function alreadyEnded({ now }: View, session: Session): Html | null {
  if (session.active) return null
  return html`It has ended already, so nothing will happen. ${prose(
    whyEnded(session, new Date(now), (at) => at.toISOString()),
    exact,
  )}`
}

/** `3 active sessions`; `100 or more active sessions`. A slow database must not keep anybody from ending them. */
async function countActive(view: View, userId: string): Promise<string> {
  const { value } = await readPart(() => listSessions(view, userId, { active: true, limit: MAX_COUNTED }))
  if (value === null) return 'an unknown number of active sessions'
  return value.length < MAX_COUNTED
    ? counted(value.length, 'active session')
    : `${MAX_COUNTED} or more active sessions`
}

function badRequest({ base }: View): Impossible {
  return {
    status: 400,
    title: 'This link is incomplete',
    text: html`It names no session or no user. Go back, and choose the action again.`,
    back: `${base}/`,
  }
}

function missing({ base }: View): Impossible {
  return {
    status: 404,
    title: 'No such session',
    text: html`Its row is deleted, or it belongs to another user. Nothing was changed.`,
    back: `${base}/users`,
  }
}

/** An action that has not begun, because the database did not say in time whether it is possible. */
export function notBegun(view: View, { sessionId, userId }: Target, error: unknown): Impossible {
  const back =
    sessionId !== null
      ? sessionUrl(view, sessionId)
      : userId !== null
        ? userUrl(view, userId)
        : `${view.base}/`
  return {
    status: 503,
    title: 'Nothing was changed',
    text: html`${problemWords(error)} Try again in a moment.`,
    back,
  }
}

/** An action whose result is not known, because the database has not answered. */
export function interrupted({ action, back }: Plan): Impossible {
  return {
    status: 503,
    title: 'The database does not answer',
    text:
      action === 'rotate-keys'
        ? html`Whether a new key is published is not known. The overview lists it if it is. Look there first: another rotation publishes one more key.`
        : html`Pawl does not know whether the action took effect, or how far. You can safely repeat it.`,
    back,
  }
}

/** What an action does, after "has" and after "tried to". */
const WORDS: Readonly<Record<ConsoleAction, readonly [done: string, toDo: string]>> = {
  'end-session': ['ended the session', 'end the session'],
  'expire-session': ['expired the access tokens of the session', 'expire the access tokens of the session'],
  'end-user': ['ended all sessions of the user', 'end all sessions of the user'],
  'expire-user': ['expired the access tokens of the user', 'expire the access tokens of the user'],
  'end-others': ['ended all sessions of the user but one', 'end all sessions of the user but one'],
  'rotate-keys': ['rotated the signing key', 'rotate the signing key'],
}

/** `ended all sessions of the user (3 sessions)`, for lists of events. */
export function actionText({ action, sessions }: SessionEvents['consoleAction']): string {
  const [done, toDo] = WORDS[action]
  if (sessions === null) return `tried to ${toDo}; the database failed, and whether it was done is not known`
  if (action === 'rotate-keys') return done
  return sessions === 0
    ? `tried to ${toDo}; nothing was changed`
    : `${done} (${counted(sessions, 'session')})`
}

/** What an action did, for the page that follows it. @param result what {@link Plan.run} returned */
export function resultText(action: ConsoleAction, result: number): string {
  const none = result === 0
  switch (action) {
    case 'end-session':
      return none
        ? 'Nothing was changed: the session had ended before. See below when and why.'
        : 'The session has ended. Every process refuses its tokens.'
    case 'end-user':
      return none
        ? 'Nothing was changed: the user had no active session.'
        : `${counted(result, 'session')} of this user ended.`
    case 'end-others':
      return none
        ? 'Nothing was changed: the user had no other session.'
        : `${counted(result, 'other session')} ended. This action left this one alone.`
    case 'expire-session':
      return none
        ? 'Nothing was changed: the session had ended before. See below when and why.'
        : 'Older access tokens of this session are refused from now on.'
    case 'expire-user':
      return none
        ? 'Nothing was changed: the user had no active session.'
        : `Older access tokens of ${counted(result, 'session')} are refused from now on.`
    case 'rotate-keys':
      return `Key ${result} is published. The table below says when it signs.`
  }
}
