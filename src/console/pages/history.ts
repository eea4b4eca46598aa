import { parseNetwork } from '../../core/client-address.ts'
import type { HistoryPage, HistoryPosition, HistoryQuery, HistoryRecord } from '../../core/inspection.ts'
import { MAX_USER_ID_LENGTH } from '../../portable/user-id.ts'
import { bounded } from '../bounded.ts'
import { type Html, html, inputValue } from '../html.ts'
import { ago, isTime, type Page, queryOf, readPosition, sessionUrl, userLink, type View } from '../view.ts'
import { deviceLabel, shortReason } from './describe.ts'
import { isUserId } from './users.ts'

type Search = (query: HistoryQuery) => Promise<HistoryPage>

const PAGE = 50
const DAY = 24 * 60 * 60_000

/** The fields of the form, as typed. */
const FIELDS = ['user', 'network', 'from', 'to'] as const

type Typed = Readonly<Record<(typeof FIELDS)[number], string>>

/** Sign-ins and ends of the audit table, the newest first. */
export async function historyPage(view: View, search: Search): Promise<Page> {
  const given = Object.fromEntries(FIELDS.map((name) => [name, view.query.get(name) ?? ''])) as Typed
  // A user id may begin and end with spaces.
  const typed = {
    user: given.user,
    network: given.network.trim(),
    from: given.from.trim(),
    to: given.to.trim(),
  }
  const query = toQuery(typed, view.query.get('after'))
  if (typeof query === 'string') return page(view, typed, 400, html`<p class="empty">${query}</p>`)
  const { found, next } = await bounded(() => search(query))
  return page(view, typed, 200, results(view, typed, found, next))
}

const NO_NETWORK =
  'This is no address and no network. Write 192.0.2.7, 192.0.2.0/24, 2001:db8::7 or 2001:db8::/48.'

/** @returns what is wrong, as a text */
function toQuery({ user, network, from, to }: Typed, after: string | null): HistoryQuery | string {
  if (user !== '' && !isUserId(user)) return 'This is no user id. User ids have 1 to 255 characters.'
  if (network !== '' && parseNetwork(network) === null) return NO_NETWORK
  const begin = from === '' ? null : readDay(from)
  const end = to === '' ? null : readDay(to)
  if (begin === undefined || end === undefined) return 'This is no day. Write 2026-03-31.'
  if (begin !== null && end !== null && begin > end) return 'This is no period: it ends before it begins.'
  const position = readAfter(after)
  return {
    ...(user === '' ? {} : { userId: user }),
    ...(network === '' ? {} : { network }),
    ...(begin === null ? {} : { from: begin }),
    // The day itself is part of the period.
    ...(end === null ? {} : { to: end + DAY }),
    ...(position === null ? {} : { after: position }),
    limit: PAGE,
  }
}

/** @returns undefined for anything but a day. The calendar has no February 31, which `Date` takes for March 3. */
function readDay(text: string): number | undefined {
  const at = Date.parse(`${text}T00:00:00Z`)
  return isTime(at) && new Date(at).toISOString().slice(0, 10) === text ? at : undefined
}

/** `<ms>.<kind>.<session id>` */
function readAfter(text: string | null): HistoryPosition | null {
  const [, at, kind, id] = /^(\d+)\.(created|ended)\.(.+)$/.exec(text ?? '') ?? []
  const position = readPosition(`${at}.${id}`)
  return position === null
    ? null
    : { at: position.at, kind: kind as HistoryPosition['kind'], sessionId: position.id }
}

function page({ base }: View, typed: Typed, status: number, list: Html): Page {
  const field = (name: (typeof FIELDS)[number], label: string, kind: string, more = ''): Html =>
    html`<div class="field"><label for="f-${name}">${label}</label><input id="f-${name}" name="${name}" type="${kind}" value="${inputValue(typed[name].slice(0, MAX_USER_ID_LENGTH))}" placeholder="${more}" autocomplete="off" spellcheck="false"></div>`
  return {
    title: 'History',
    section: 'history',
    status,
    main: html`<div><h1>History</h1><p class="lead">Sign-ins and ends of sessions in the audit table, also of those whose rows are deleted.</p></div>
<form class="card fields" action="${base}/history">${field('user', 'User id', 'text')}${field('network', 'Address or network', 'text', '192.0.2.0/24')}${field('from', 'From (UTC)', 'date')}${field('to', 'To, inclusive', 'date')}<button class="button primary">Search</button></form>
<div class="card flush">${list}</div>`,
  }
}

function results(
  view: View,
  typed: Typed,
  found: readonly HistoryRecord[],
  next: HistoryPosition | null,
): Html {
  const after = next === null ? null : `${next.at}.${next.kind}.${next.sessionId}`
  const link = (text: string): Html =>
    html`<p class="more"><a class="button" href="${view.base}/history${queryOf({ ...typed, after })}">${text}</a></p>`
  if (found.length === 0)
    return html`<p class="empty">${next === null ? 'Nothing found.' : 'Nothing found so far.'}</p>${next === null ? null : link('Search on')}`
  const names = ['When', 'What', 'User', 'Device', 'Address']
  return html`<table class="stack" role="table"><thead role="rowgroup"><tr role="row">${names.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead><tbody role="rowgroup">${found.map(
    (record) => html`<tr role="row">
<td role="cell" class="first"><a href="${sessionUrl(view, record.sessionId)}">${ago(record.at, view.now)}</a></td>
<td role="cell" data-label="What">${what(record)}</td>
<td role="cell" data-label="User">${userLink(view, record.userId)}${record.actorUserId === null ? null : html`<small>Acting: administrator ${userLink(view, record.actorUserId)}</small>`}</td>
<td role="cell" data-label="Device"><span class="party">${deviceLabel(record.userAgent)}</span></td>
<td role="cell" data-label="Address"><span class="id ip">${record.ip ?? 'not recorded'}</span></td>
</tr>`,
  )}</tbody></table>${next === null ? null : link('Older entries')}`
}

function what({ kind, end }: HistoryRecord): Html {
  if (end === null)
    return html`<span class="state active">${kind === 'created' ? 'Signed in' : 'Ended'}</span>`
  const { reason, presenter } = end
  return html`<span class="state${reason === 'reuse' ? ' bad' : ''}">Ended</span><small>${shortReason(reason)}${presenter === null ? null : html`, from ${presenter.ip ?? 'an unknown address'}`}</small>`
}
