import type { Party, ReusePage, ReuseRecord, StoreInspection } from '../../core/inspection.ts'
import type { SessionEvents } from '../../core/observability/session-events.ts'
import type { Position } from '../../core/store.ts'
import { count } from '../../portable/format.ts'
import { bounded, readPart } from '../bounded.ts'
import { toCsv } from '../csv.ts'
import { type Html, html } from '../html.ts'
import { ago, exact, type Page, queryOf, readPosition, sessionUrl, userLink, type View } from '../view.ts'
import { deviceLabel } from './describe.ts'

const PAGE = 50
/** An export has at most as many rows, and names where the next one begins. */
const MAX_EXPORTED = 1000
/** An export searches as many parts of the index as it can within this time. Milliseconds. */
const SEARCH_WITHIN = 2000

/** Detections of reuse, the newest first. */
export async function reusePage(view: View, inspect: StoreInspection): Promise<Page> {
  const { base, query } = view
  const after = readPosition(query.get('after'))
  const { found: records, searchedBackTo, next } = await bounded(() => inspect.reuse(after, PAGE))
  const found = records.map((record) => withPresenter(view, record))
  const searched =
    searchedBackTo === null
      ? 'Everything that is stored was searched.'
      : html`Searched back to ${exact(searchedBackTo)}.`
  const from = queryOf({ after: after === null ? null : `${after.at}.${after.id}` })
  return {
    title: 'Reuse',
    section: 'reuse',
    main: html`<div class="head"><div><h1>Reuse</h1><p class="lead">An old refresh token came back: two clients used the same session, and one of them may be a thief. Pawl ended these sessions.</p></div><div class="actions"><a class="button" href="${base}/reuse.csv${from}" download>Export CSV</a><a class="button" href="${base}/reuse.json${from}" download>Export JSON</a></div></div>
<div class="card flush">${found.length === 0 ? html`<p class="empty">No reuse found. ${searched}</p>` : table(view, found)}</div>
${found.length === 0 ? null : html`<p class="note">${searched} An export begins with this page and holds at most ${count(MAX_EXPORTED)}. If older ones may follow, the name of its file says how far back it searched. Rows of ended sessions are deleted after the time that <code>privacy.keepEnded</code> sets, and their detections with them, unless an audit table keeps them.</p>`}
${next === null ? null : html`<p class="more"><a class="button" href="${base}/reuse${queryOf({ after: `${next.at}.${next.id}` })}">${found.length === 0 ? 'Search on' : 'Older detections'}</a></p>`}`,
  }
}

/** Without an audit table, this process may have seen who presented the older token. */
function withPresenter({ activity }: View, record: ReuseRecord): ReuseRecord {
  if (record.presenter !== null) return record
  const seen = activity.ofSession(record.sessionId).find(({ name }) => name === 'reused')
  if (seen === undefined) return record
  const { ip, userAgent } = seen.event as unknown as SessionEvents['reused']
  return { ...record, presenter: { ip, userAgent } }
}

function table(view: View, found: readonly ReuseRecord[]): Html {
  const { now } = view
  const names = ['Detected', 'User', 'Holder of the newer token', 'Presenter of the older token', 'Signed in']
  return html`<table class="stack" role="table"><thead role="rowgroup"><tr role="row">${names.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead><tbody role="rowgroup">${found.map(
    (record) => html`<tr role="row">
<td role="cell" class="first"><a href="${sessionUrl(view, record.sessionId)}">${ago(record.at, now)}</a></td>
<td role="cell" data-label="User">${userLink(view, record.userId)}</td>
<td role="cell" data-label="Newer token">${party(record.holder)}</td>
<td role="cell" data-label="Older token">${record.presenter === null ? html`<span class="none">not recorded</span>` : party(record.presenter)}</td>
<td role="cell" data-label="Signed in">${ago(record.signedInAt, now)}</td>
</tr>`,
  )}</tbody></table>`
}

function party({ ip, userAgent }: Party): Html {
  return html`<span class="party">${deviceLabel(userAgent)}<small class="id">${ip ?? 'no address recorded'}</small></span>`
}

/** A file to download. */
export interface ExportFile {
  readonly name: string
  readonly type: string
  readonly body: string
}

/**
 * The same as a file, which begins with the page. The name of the file says so, and how far back it searched if older
 * detections may follow. `next` of a JSON file, for `?after=`, says where the next file begins.
 */
export async function reuseFile(
  view: View,
  inspect: StoreInspection,
  kind: 'csv' | 'json',
): Promise<ExportFile> {
  const after = readPosition(view.query.get('after'))
  const page = await findAll(inspect, after)
  const next = page.next === null ? null : `${page.next.at}.${page.next.id}`
  const iso = (at: number): string => new Date(at).toISOString()
  const detections = page.found
    .map((record) => withPresenter(view, record))
    .map((record) => ({
      detectedAt: iso(record.at),
      sessionId: record.sessionId,
      userId: record.userId,
      signedInAt: iso(record.signedInAt),
      lastSeenAt: iso(record.lastSeenAt),
      holderIp: record.holder.ip,
      holderUserAgent: record.holder.userAgent,
      presenterIp: record.presenter?.ip ?? null,
      presenterUserAgent: record.presenter?.userAgent ?? null,
    }))
  const searchedBackTo = page.searchedBackTo === null ? null : iso(page.searchedBackTo)
  const type = kind === 'csv' ? 'text/csv; charset=utf-8' : 'application/json'
  const body =
    kind === 'json'
      ? `${JSON.stringify({ searchedBackTo, next, detections }, null, 2)}\n`
      : toCsv([CSV_HEADER, ...detections.map((record) => Object.values(record))])
  const parts = [
    `pawl-reuse-${iso(view.now).slice(0, 10)}`,
    after === null ? null : `before-${inName(after.at)}`,
    page.searchedBackTo === null ? null : `back-to-${inName(page.searchedBackTo)}`,
  ]
  return { name: `${parts.filter((part) => part !== null).join('-')}.${kind}`, type, body }
}

/** `2026-11-23T20-54-55Z`: Windows has no colons in the names of files. */
function inName(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replaceAll(':', '-')}Z`
}

/** One call of the store searches a part of its index, which may hold no detection at all. */
async function findAll(inspect: StoreInspection, after: Position | null): Promise<ReusePage> {
  const end = performance.now() + SEARCH_WITHIN
  let page = await bounded(() => inspect.reuse(after, MAX_EXPORTED))
  const found = new Map(page.found.map((record) => [record.sessionId, record]))
  while (page.next !== null && found.size < MAX_EXPORTED && performance.now() < end) {
    const { next } = page
    const limit = MAX_EXPORTED - found.size
    // What was found before is worth a file.
    const { value: older } = await readPart(() => inspect.reuse(next, limit))
    if (older === null) break
    page = older
    for (const record of page.found) found.set(record.sessionId, record)
  }
  return { ...page, found: [...found.values()] }
}

const CSV_HEADER = [
  'detected_at',
  'session_id',
  'user_id',
  'signed_in_at',
  'last_seen_at',
  'holder_ip',
  'holder_user_agent',
  'presenter_ip',
  'presenter_user_agent',
]
