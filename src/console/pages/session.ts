import type { SessionEvents } from '../../core/observability/session-events.ts'
import type { Session } from '../../core/session/session.ts'
import { whyEnded } from '../../core/session/why-ended.ts'
import { count, counted } from '../../portable/format.ts'
import { actionText } from '../actions.ts'
import type { RecentEvent } from '../activity.ts'
import { bounded, readPart } from '../bounded.ts'
import { type Html, html, lines, type Piece, prose } from '../html.ts'
import {
  ago,
  exact,
  type Page,
  queryOf,
  type RedactedSession,
  sessionLink,
  userLink,
  type View,
} from '../view.ts'
import { boundTo, deviceLabel, shortReason, stateTag } from './describe.ts'

/** Longer claims and data are cut. Characters. */
const MAX_JSON = 20_000
/** An action is an event when it is done. It has ended its first sessions up to this long before, in ms. */
const LONGEST_ACTION = 60_000

/** Everything about one session. */
export async function sessionPage(view: View, sessionId: string): Promise<Page> {
  const session = await bounded(() => view.sessions.get(sessionId))
  if (session === null) return unknownSession(sessionId)
  const { now } = view
  return {
    title: `Session of ${session.userId || 'an erased user'}`,
    section: 'users',
    main: html`<div class="head"><div><p class="eyebrow">Session of ${userLink(view, session.userId)}</p><h1 class="device">${deviceLabel(session.userAgent)}</h1></div>${view.mayAct && session.active ? actions(view, session) : null}</div>
<section class="card verdict${session.active ? ' active' : session.endReason === 'reuse' ? ' bad' : ''}" aria-label="Why">${stateTag(session)}<p>${prose(
      whyEnded(session, new Date(now), (at) => at.toISOString()),
      exact,
    )}</p></section>
<div class="columns">
<section class="card"><h2>Timeline</h2>${timeline(view, session, await presenterOf(view, session))}</section>
<section class="card"><h2>Facts</h2>${facts(view, session)}</section>
</div>
${await contents(view, session)}`,
  }
}

function actions({ base }: View, { sessionId, userId }: Session): Html {
  return html`<div class="actions"><a class="button" href="${base}/actions/expire-session${queryOf({ session: sessionId })}">Expire access tokens</a>${
    userId === ''
      ? null
      : html`<a class="button" href="${base}/actions/end-others${queryOf({ user: userId, keep: sessionId })}">End all others</a>`
  }<a class="button danger" href="${base}/actions/end-session${queryOf({ session: sessionId })}">End session</a></div>`
}

function facts(view: View, session: Session): Html {
  const { now } = view
  const { actor, parentId, device, absoluteExpiresAt, userAgent, ip } = session
  const entries: (readonly [string, Piece])[] = [
    ['Session', html`<code>${session.sessionId}</code>`],
    ['User', userLink(view, session.userId)],
    ['Address', ip === null ? 'not recorded' : html`<code>${ip}</code>`],
    ['User agent', userAgent === null ? 'not recorded' : html`<bdi>${userAgent}</bdi>`],
    ['Last seen', ago(session.lastSeenAt, now)],
    ...(session.active
      ? ([
          ['Expires if not used', ago(session.expiresAt, now)],
          ['Expires at the latest', absoluteExpiresAt === null ? 'never' : ago(absoluteExpiresAt, now)],
        ] as const)
      : []),
    ['Bound to its device', boundTo(session)],
    ...(device === null ? [] : ([['Key of the device', html`<code>${device.thumbprint}</code>`]] as const)),
    ['Remember me', session.persistent ? 'yes' : 'no'],
    ...(actor === null
      ? []
      : ([
          [
            'Acting administrator',
            html`${userLink(view, actor.userId)}, in ${sessionLink(view, actor.sessionId)}`,
          ],
        ] as const)),
    ...(parentId === null ? [] : ([['Ends with', sessionLink(view, parentId)]] as const)),
  ]
  return html`<dl class="facts">${entries.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

interface Moment {
  readonly at: number
  readonly text: Html
  readonly tone: 'plain' | 'good' | 'bad' | 'future'
}

/** The life of a session as its row tells it, with what this process has seen of it. */
function timeline(view: View, session: Session, presenter: Moment[]): Html {
  const { now } = view
  const { activity } = view
  const ofUser = activity.actionsOn(session.userId).filter((entry) => concerns(entry, session))
  const events = [...activity.ofSession(session.sessionId), ...ofUser].toReversed()
  const moments = [...presenter, ...events.flatMap(ofEvent), ...ofRow(session)]
  const sorted = moments.toSorted((a, b) => a.at - b.at)
  return html`<ol class="timeline">${sorted.map(
    ({ at, text, tone }) =>
      html`<li class="${tone}"><span>${text}</span><small>${exact(at)} · ${ago(at, now)}</small></li>`,
  )}</ol><p class="note">The row keeps the first and the last of these. Changes in between are known while the process that saw them runs.</p>`
}

/** Whether an action on the sessions of its user has met this one: neither those that it names, nor older or newer ones. */
function concerns({ at, event }: RecentEvent, { sessionId, createdAt, endedAt }: Session): boolean {
  const { action, ...named } = event as unknown as SessionEvents['consoleAction']
  if (named.sessionId !== null && (action !== 'end-others' || named.sessionId === sessionId)) return false
  return createdAt.getTime() <= at && (endedAt === null || endedAt.getTime() > at - LONGEST_ACTION)
}

/** Who presented the older token, from the audit. An event of this process says the same. */
async function presenterOf(view: View, session: Session): Promise<Moment[]> {
  const { history } = view.engine.store.inspect ?? {}
  const { endReason, endedAt, userId, sessionId } = session
  if (history === undefined || endReason !== 'reuse' || endedAt === null || userId === '') return []
  if (view.activity.ofSession(sessionId).some(({ name }) => name === 'reused')) return []
  const at = endedAt.getTime()
  const { value } = await readPart(() => history({ userId, from: at, to: at + 1, limit: 100 }))
  const presenter = value?.found.find((record) => record.sessionId === sessionId)?.end?.presenter
  return presenter == null ? [] : [{ at, text: cameBack(presenter.ip), tone: 'bad' }]
}

function cameBack(ip: string | null | undefined): Html {
  return html`An old refresh token came back, from <code>${ip ?? 'an unknown address'}</code>`
}

function ofRow(session: Session): Moment[] {
  const { createdAt, authTime, lastSeenAt, endedAt, endReason, generation, version, absoluteExpiresAt } =
    session
  const found: Moment[] = [
    {
      at: createdAt.getTime(),
      text: html`${session.actor === null ? 'Signed in' : 'Administrator began to act'}`,
      tone: 'good',
    },
  ]
  if (authTime.getTime() !== createdAt.getTime())
    found.push({
      at: authTime.getTime(),
      text: html`Authenticated ${authTime > createdAt ? 'again' : 'before the sign-in'}`,
      tone: 'good',
    })
  if (generation > 0)
    found.push({
      at: lastSeenAt.getTime(),
      text: html`Last rotation: the refresh token has rotated ${counted(generation, 'time')}`,
      tone: 'plain',
    })
  if (version > 0)
    found.push({
      at: lastSeenAt.getTime(),
      text: html`Version ${count(version)}: claims or authentication have changed by then or since`,
      tone: 'plain',
    })
  if (endedAt !== null)
    found.push({
      at: endedAt.getTime(),
      text: html`${endReason === null || endReason === 'reuse' ? 'Ended' : shortReason(endReason)}${endReason === 'reuse' ? ', because of the reuse' : null}`,
      tone: endReason === 'reuse' ? 'bad' : 'plain',
    })
  else {
    const end = Math.min(
      session.expiresAt.getTime(),
      absoluteExpiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    )
    found.push({ at: end, text: html`Expires, if not used until then`, tone: 'future' })
  }
  return found
}

/** Of the events that the row does not tell already. */
function ofEvent({ at, name, event }: RecentEvent): Moment[] {
  switch (name) {
    case 'contextChanged': {
      const { from, to } = event as unknown as Record<
        'from' | 'to',
        { ip: string | null; userAgent: string | null }
      >
      const moved = from.ip !== to.ip
      return [
        {
          at,
          text: moved
            ? html`Address changed from <code>${from.ip ?? 'unknown'}</code> to <code>${to.ip ?? 'unknown'}</code>`
            : html`User agent changed to <bdi>${to.userAgent ?? 'none'}</bdi>`,
          tone: 'plain',
        },
      ]
    }
    case 'deviceBound':
      return [{ at, text: html`Bound to its device`, tone: 'good' }]
    case 'deviceProofMissing':
      return [{ at, text: html`A refresh came without the proof of its device`, tone: 'bad' }]
    case 'deviceMismatch':
      return [{ at, text: html`A refresh came with the proof of another device`, tone: 'bad' }]
    case 'reused': {
      const { ip } = event as { ip?: string | null }
      return [
        {
          at,
          text: html`An old refresh token came back, from <code>${ip ?? 'an unknown address'}</code>`,
          tone: 'bad',
        },
      ]
    }
    case 'rolledBack':
      return [
        {
          at,
          text: html`A token brought the row up to date after the database had lost commits`,
          tone: 'plain',
        },
      ]
    case 'consoleAction': {
      const action = event as unknown as SessionEvents['consoleAction']
      return [
        {
          at,
          text: html`<bdi>${action.actor}</bdi> acted by the console: ${actionText(action)}`,
          tone: 'plain',
        },
      ]
    }
    default:
      return []
  }
}

/** Claims and data, as far as the application shows them. */
async function contents({ redact }: View, session: Session): Promise<Html> {
  const { value } = await readPart(async () => {
    const shown: unknown = redact === null ? session : await redact(session)
    if (typeof shown !== 'object' || shown === null) throw new TypeError('it must return { claims, data }')
    const { claims, data } = shown as RedactedSession
    return { claims: json(claims), data: json(data) }
  }, '`redact` of the console')
  if (value === null)
    return html`<section class="card"><h2>Claims and data</h2><p class="note">Hidden, because the application’s <code>redact</code> did not say what may be shown.</p></section>`
  const part = (name: string, shown: Html, version: number): Html =>
    html`<section class="card"><h2>${name} <small>version ${count(version)}</small></h2><pre tabindex="0" aria-label="${name}">${shown}</pre></section>`
  return html`${
    session.stale
      ? html`<p class="note">A schema of the application refuses these values: an earlier release wrote them.</p>`
      : null
  }<div class="columns">${part('Claims', value.claims, session.version)}${part('Data', value.data, session.dataVersion)}</div>`
}

/** @throws TypeError for what JSON cannot hold */
function json(value: unknown): Html {
  const text = JSON.stringify(value, null, 2) ?? 'nothing'
  return text.length > MAX_JSON
    ? html`${lines(text.slice(0, MAX_JSON))}… (${count(text.length)} characters)`
    : lines(text)
}

function unknownSession(sessionId: string): Page {
  return {
    title: 'No such session',
    status: 404,
    section: 'users',
    main: html`<p class="eyebrow">Session</p><h1 class="id">${sessionId}</h1><div class="card"><p class="empty">There is no such session. Rows of ended sessions are deleted after the time that <code>privacy.keepEnded</code> sets.</p></div>`,
  }
}
