import type { ConsoleAction } from '../core/observability/session-events.ts'
import type { Session } from '../core/session/session.ts'
import { whyEnded } from '../core/session/why-ended.ts'
import { counted } from '../portable/format.ts'
import { isSessionId } from '../portable/session-id.ts'
import { bounded } from './bounded.ts'
import { type Html, html, prose } from './html.ts'
import { isUserId } from './pages/users.ts'
import { exact, sessionUrl, userName, userUrl, type View } from './view.ts'

/** An action that was found possible: what it is about to do, and how to do it. */
export interface Plan {
  readonly action: ConsoleAction
  /** The question, as a heading. */
  readonly title: string
  /** What will happen. */
  readonly effects: readonly Html[]
  /** The label of the button. */
  readonly label: string
  readonly isDangerous: boolean
  /** Where the result is shown, and where "cancel" leads. */
  readonly back: string
  readonly sessionId: string | null
  readonly userId: string | null
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

/** Reads what an action would do now. The session may have ended by the time that somebody confirms it. */
export async function planOf(view: View, name: string): Promise<Plan | Impossible | null> {
  const { query, sessions } = view
  switch (name as ConsoleAction) {
    case 'end-session':
    case 'expire-session': {
      const id = query.get('session')
      if (!isSessionId(id)) return badRequest(view)
      const session = await bounded(() => sessions.get(id))
      if (session === null) return missing(view)
      return name === 'end-session' ? endSession(view, session) : expireSession(view, session)
    }
    case 'end-user':
    case 'expire-user': {
      const userId = query.get('user')
      if (!isUserId(userId)) return badRequest(view)
      const active = await countActive(view, userId)
      return name === 'end-user' ? endUser(view, userId, active) : expireUser(view, userId, active)
    }
    case 'end-others': {
      const [userId, keep] = [query.get('user'), query.get('keep')]
      if (!isUserId(userId) || !isSessionId(keep)) return badRequest(view)
      return endOthers(view, userId, keep)
    }
    case 'rotate-keys':
      return rotateKeys(view)
    default:
      return null
  }
}

function endSession(view: View, session: Session): Plan {
  const { sessionId, userId } = session
  return {
    action: 'end-session',
    title: 'End this session?',
    effects: [
      alreadyEnded(view, session) ??
        html`The device is signed out: its next request is refused, in every process of the application.`,
      html`The user can sign in again at once. All other sessions stay.`,
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
    effects: [
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

function endUser(view: View, userId: string, active: string): Plan {
  return {
    action: 'end-user',
    title: 'End all sessions of this user?',
    effects: [
      html`${userName(userId)} has ${active} now. All of them end: every device is signed out, in every process of the application.`,
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

function expireUser(view: View, userId: string, active: string): Plan {
  return {
    action: 'expire-user',
    title: 'Expire the access tokens of this user?',
    effects: [
      html`${userName(userId)} has ${active} now. Access tokens that they have are refused from now on, and their clients get new ones by a refresh.`,
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

async function endOthers(view: View, userId: string, keep: string): Promise<Plan | Impossible> {
  const [kept, active] = await Promise.all([
    bounded(() => view.sessions.get(keep)),
    countActive(view, userId),
  ])
  if (kept === null || kept.userId !== userId) return missing(view)
  if (!kept.active)
    return {
      status: 409,
      title: 'The session to keep is over',
      text: html`${prose(
        whyEnded(kept, new Date(view.now), (at) => at.toISOString()),
        exact,
      )} Nothing was ended. To sign the user out everywhere, end all sessions instead.`,
      back: userUrl(view, userId),
    }
  return {
    action: 'end-others',
    title: 'End all other sessions of this user?',
    effects: [
      html`${userName(userId)} has ${active} now. All but this one end: every other device is signed out.`,
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
    effects: [
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
  return html`It is over already, so nothing will happen. ${prose(
    whyEnded(session, new Date(now), (at) => at.toISOString()),
    exact,
  )}`
}

/** `3 active sessions`; `1,000 or more active sessions` */
async function countActive({ sessions }: View, userId: string): Promise<string> {
  const { length } = await bounded(() => sessions.list(userId, { active: true, limit: MAX_COUNTED }))
  return length < MAX_COUNTED ? counted(length, 'active session') : `${MAX_COUNTED} or more active sessions`
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

/** An action whose result is not known, because the database has not answered. */
export function interrupted(back: string): Impossible {
  return {
    status: 503,
    title: 'The database does not answer',
    text: html`Whether this was done is not known, and it may have been done in part. Doing it again does no harm.`,
    back,
  }
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
        : `${counted(result, 'other session')} ended. This one stays.`
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
