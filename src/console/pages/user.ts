import type { Session } from '../../core/session/session.ts'
import { bounded } from '../bounded.ts'
import { type Html, html } from '../html.ts'
import { listSessions } from '../list-sessions.ts'
import { ago, type Page, queryOf, readPosition, sessionUrl, userName, type View } from '../view.ts'
import { boundTo, deviceLabel, shortReason, stateTag } from './describe.ts'
import { isUserId } from './users.ts'

const PAGE = 50

/** The sessions of a user, the most recently seen first. */
export async function userPage(view: View): Promise<Page> {
  const { query, base, mayAct } = view
  const userId = query.get('id')
  if (!isUserId(userId)) return { ...noUser(), status: 400 }
  const active = query.get('show') === 'active'
  const position = readPosition(query.get('after'))
  const listed = await bounded(() =>
    listSessions(view, userId, {
      active,
      limit: PAGE + 1,
      after: position === null ? undefined : { sessionId: position.id, lastSeenAt: new Date(position.at) },
    }),
  )
  const shown = listed.slice(0, PAGE)
  const last = listed.length > PAGE ? shown.at(-1) : undefined
  if (shown.length === 0 && position === null && !active) return { ...unknownUser(userId), status: 404 }
  const tab = (name: string, show: string | null): Html =>
    html`<a href="${base}/user${queryOf({ id: userId, show })}"${active === (show === 'active') ? html` aria-current="page"` : null}>${name}</a>`
  return {
    title: `User ${userId}`,
    section: 'users',
    main: html`<div class="head"><div><p class="eyebrow">User</p><h1>${userName(userId)}</h1></div>${
      mayAct
        ? html`<div class="actions"><a class="button" href="${base}/actions/expire-user${queryOf({ user: userId })}">Expire access tokens</a><a class="button danger" href="${base}/actions/end-user${queryOf({ user: userId })}">End all sessions</a></div>`
        : null
    }</div>
<nav class="tabs" aria-label="Which sessions">${tab('All sessions', null)}${tab('Active only', 'active')}${view.engine.store.inspect?.history === undefined ? null : html`<a href="${base}/history${queryOf({ user: userId })}">History</a>`}</nav>
${
  shown.length === 0
    ? html`<div class="card"><p class="empty">${position === null ? 'This user has no active session.' : 'No further session.'}</p></div>`
    : sessionTable(view, shown)
}${
  last === undefined
    ? null
    : html`<p class="more"><a class="button" href="${base}/user${queryOf({ id: userId, show: active ? 'active' : null, after: `${last.lastSeenAt.getTime()}.${last.sessionId}` })}">Older sessions</a></p>`
}`,
  }
}

/** A table that becomes a list of cards on a narrow screen. The roles keep it a table for a screen reader. */
function sessionTable(view: View, shown: readonly Session[]): Html {
  const { now } = view
  const names = ['Device', 'State', 'Address', 'Signed in', 'Last seen', 'Expires', 'Bound']
  const cell = (index: number, content: Html | string): Html =>
    html`<td role="cell" data-label="${names[index]!}">${content}</td>`
  return html`<div class="card flush"><table class="stack" role="table"><thead role="rowgroup"><tr role="row">${names.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead><tbody role="rowgroup">${shown.map(
    (session) => html`<tr role="row"${session.active ? null : html` class="over"`}>
<td role="cell" class="device"><a href="${sessionUrl(view, session.sessionId)}">${deviceLabel(session.userAgent)}</a>${session.actor === null ? null : html`<small>Acting: administrator <bdi>${session.actor.userId}</bdi></small>`}</td>
<td role="cell" data-label="State">${stateTag(session)}${session.endReason === null ? null : html`<small>${shortReason(session.endReason)}${session.endedAt === null ? null : html`, ${ago(session.endedAt, now)}`}</small>`}</td>
${cell(2, session.ip === null ? html`<span class="none">not recorded</span>` : html`<span class="id ip">${session.ip}</span>`)}
${cell(3, ago(session.createdAt, now))}
${cell(4, ago(session.lastSeenAt, now))}
${cell(5, session.active ? ago(session.expiresAt, now) : html`<span class="none">–</span>`)}
${cell(6, boundTo(session))}
</tr>`,
  )}</tbody></table></div>`
}

function noUser(): Page {
  return {
    title: 'No user id',
    section: 'users',
    main: html`<h1>This is no user id</h1><p class="lead">A user id has 1 to 255 characters. Search for one above.</p>`,
  }
}

function unknownUser(userId: string): Page {
  return {
    title: `User ${userId}`,
    section: 'users',
    main: html`<p class="eyebrow">User</p><h1>${userName(userId)}</h1><div class="card"><p class="empty">Pawl stores no session of this user. Rows of ended sessions are deleted after the time that <code>privacy.keepEnded</code> sets.</p></div>`,
  }
}
