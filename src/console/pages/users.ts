import { isSessionId } from '../../portable/session-id.ts'
import { checkUserId, MAX_USER_ID_LENGTH } from '../../portable/user-id.ts'
import { bounded } from '../bounded.ts'
import { type Html, html } from '../html.ts'
import { type Page, queryOf, type Redirect, sessionUrl, userName, userUrl, type View } from '../view.ts'

const PAGE = 50

/** Users by the beginning of their id, and sessions by their id. */
export async function usersPage(view: View): Promise<Page | Redirect> {
  const { sessions, query, engine, base } = view
  // A user id may begin and end with spaces.
  const searched = query.get('q') ?? ''
  const sessionId = searched.trim().toLowerCase()
  const given = query.get('after')
  const after = isUserId(given) ? given : null
  if (isSessionId(sessionId) && (await bounded(() => sessions.get(sessionId))) !== null)
    return { location: sessionUrl(view, sessionId) }
  if (searched !== '' && !isUserId(searched)) return found(view, searched, NOT_AN_ID)
  const inspect = engine.store.inspect
  if (inspect === undefined) {
    if (searched === '') return found(view, searched, EXACT_ONLY)
    return { location: userUrl(view, searched) }
  }
  const { userIds, next, complete } = await bounded(() => inspect.findUsers(searched, after, PAGE))
  if (after === null && userIds.length === 1 && next === null && userIds[0] === searched)
    return { location: userUrl(view, searched) }
  const list = html`${
    userIds.length === 0
      ? html`<p class="empty">${searched === '' ? 'No user has a session.' : html`No user id in this part of the index begins with <bdi class="id">${searched}</bdi>.`}</p>`
      : html`<ul class="rows">${userIds.map((id) => html`<li><a href="${userUrl(view, id)}">${userName(id)}</a></li>`)}</ul>`
  }${
    next === null
      ? complete
        ? null
        : html`<p class="note">The order of this database may hide some users. Search for the whole user id to be sure.</p>`
      : html`<p class="more"><a class="button" href="${base}/users${queryOf({ q: searched, after: next })}">${userIds.length === 0 ? 'Search on' : 'More users'}</a></p>`
  }`
  return found(view, searched, list)
}

const NOT_AN_ID: Html = html`<p class="empty">This is no user id. User ids have 1 to ${MAX_USER_ID_LENGTH} characters.</p>`
const EXACT_ONLY: Html = html`<p class="note">This store finds users by their whole id only. Search for one above.</p>`

function found(_view: View, searched: string, list: Html): Page {
  return {
    title: searched === '' ? 'Users' : `Users: ${searched}`,
    section: 'users',
    main: html`<div><h1>Users</h1><p class="lead">${searched === '' ? 'All users with a stored session, by user id. Search above by user id, its beginning, or a session id.' : html`User ids that begin with <bdi class="id">${searched}</bdi>`}</p></div><div class="card flush">${list}</div>`,
  }
}

export function isUserId(text: string | null): text is string {
  try {
    checkUserId(text)
    return true
  } catch {
    return false
  }
}
