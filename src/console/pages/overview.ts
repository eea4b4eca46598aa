import { diagnose } from '../../core/doctor/diagnose.ts'
import type { Finding } from '../../core/doctor/finding.ts'
import { type ProcessFacts, readProcess } from '../../core/doctor/process-facts.ts'
import type { DayOverview, Figure, FigureSource, Listening, StoreOverview } from '../../core/inspection.ts'
import type { SessionEvents } from '../../core/observability/session-events.ts'
import type { StoreStatus } from '../../core/store-status.ts'
import { bytes, count, counted, duration, percent } from '../../portable/format.ts'
import { actionText, canRotate } from '../actions.ts'
import { COUNTED, type Counted, MINUTES, type RecentEvent } from '../activity.ts'
import type { Part } from '../bounded.ts'
import { type Bar, barChart, type Series, sparkline } from '../charts.ts'
import { figuresOf } from '../figures.ts'
import { type Html, html, type Piece, prose } from '../html.ts'
import { ago, exact, type Page, sessionLink, userLink, type View } from '../view.ts'

const SHOWN_EVENTS = 8

/** The state of everything. Each part may be missing on its own. */
export async function overviewPage(view: View): Promise<Page> {
  const figures = figuresOf(view.engine)
  const [process, overview, status, tried] = await Promise.all([
    readProcess(view.engine),
    figures.overview(),
    figures.status(),
    // An application has a feed.
    view.ofCommand ? figures.listening() : null,
  ])
  const listening = tried?.value ?? null
  // In an outage LISTEN fails as well, which is no news.
  const facts =
    status?.value && listening !== null ? { ...process, listenProblem: listening.problem } : process
  const unchecked = [
    ...(facts.skew === null ? ['the clocks'] : []),
    ...(view.ofCommand && (listening === null || listening.working === null) ? ['LISTEN'] : []),
    ...(lacksVacuum(status?.value ?? null) ? ['VACUUM'] : []),
  ]
  return {
    title: 'Overview',
    section: 'overview',
    main: html`<h1 class="hidden">Overview</h1>
${outage(overview, status)}${attention(facts, status, unchecked)}
${overview?.value ? history(overview.value) : missing('Sessions', overview)}
${view.ofCommand ? null : live(view)}
<div class="columns">
<div class="column">${feed(view, facts, listening)}${database(view, status)}</div>
<div class="column">${keys(view, status)}${recentEvents(view)}</div>
</div>`,
  }
}

/** A standby and a distributed table have no statistics of their own. A store in memory needs no VACUUM. */
function lacksVacuum(status: StoreStatus | null): boolean {
  return status?.vacuum === null && (status.server.standby === true || status.layout !== null)
}

function outage(...parts: readonly (Part<unknown> | null)[]): Html | null {
  const failures = parts.flatMap((part) => (part === null || part.problem === null ? [] : [part]))
  const failed = failures.find(({ isAway }) => isAway) ?? failures[0]
  if (failed === undefined) return null
  const [tag, advice] = failed.isAway
    ? [
        'Database away',
        'This page shows what the process itself knows. Sessions go on: access tokens are verified without the database.',
      ]
    : ['Incomplete', 'The rest of this page is complete.']
  return html`<section class="card verdict bad" role="status" aria-label="The database"><span class="state bad">${tag}</span><p>${failed.problem} ${advice}</p></section>`
}

const SEVERITY: Readonly<Record<Finding['severity'], readonly [tone: string, name: string]>> = {
  problem: ['bad', 'Problem'],
  warning: ['warn', 'Warning'],
  note: ['', 'Note'],
}

/** @param unchecked what the doctor could not look at */
function attention(
  facts: ProcessFacts,
  status: Part<StoreStatus> | null,
  unchecked: readonly string[],
): Html {
  const findings = diagnose(status?.value ?? null, facts)
  if (findings.length === 0) {
    if (!status?.value) return html``
    return unchecked.length === 0
      ? html`<section class="calm" aria-label="Checks"><span class="state active">All well</span> No check of the database and of this process found anything.</section>`
      : html`<section class="calm" aria-label="Checks"><span class="state">Nothing found</span> The checks that ran found nothing. Not checked: ${unchecked.join(', ')}.</section>`
  }
  return html`<section class="card" aria-labelledby="attention"><h2 id="attention">Needs attention</h2><ul class="findings">${findings.map(
    ({ severity, sentence, remedy }) => {
      const [tone, name] = SEVERITY[severity]
      return html`<li><span class="state ${tone}">${name}</span><div><p>${prose(sentence, exact)}</p><p class="remedy">${prose(remedy, exact)}</p></div></li>`
    },
  )}</ul></section>`
}

const HOW: Readonly<Record<FigureSource, string>> = {
  counted: 'counted now',
  estimated: 'estimated from statistics',
  sampled: 'counted, with reasons from samples',
  sparse: 'estimated from a sample of each hour: bursts may be missing',
  unknown: 'not known in time',
}

function figure(name: string, value: number | null, how: string): Html {
  return html`<div class="figure"><dt>${name}</dt><dd><strong>${value === null ? '–' : count(value)}</strong><small>${how}</small></dd></div>`
}

const REASONS: readonly (Series & { readonly reasons: readonly string[] })[] = [
  { id: 'c-reuse', name: 'Reuse', reasons: ['reuse'] },
  { id: 'c-revoked', name: 'Revoked', reasons: ['revoked'] },
  { id: 'c-logout', name: 'Signed out', reasons: ['logout'] },
  { id: 'c-replaced', name: 'Replaced', reasons: ['replaced'] },
  { id: 'c-expired', name: 'Expired', reasons: ['idle', 'absolute'] },
  { id: 'c-other', name: 'Other', reasons: [] },
]

function history({ active, days, source }: StoreOverview): Html {
  const label = ({ from }: DayOverview): string =>
    new Date(from).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
  const bars = (of: (day: DayOverview) => readonly (number | null)[]): Bar[] =>
    days.map((day) => ({ label: label(day), values: of(day) }))
  const ends = bars(({ ends: { value, byReason } }) => {
    if (value === null) return REASONS.map(() => null)
    const named = REASONS.map(({ reasons }) =>
      reasons.reduce((sum, reason) => sum + (byReason[reason] ?? 0), 0),
    )
    const rest =
      Object.values(byReason).reduce((sum, part) => sum + part, 0) -
      named.reduce((sum, part) => sum + part, 0)
    return named.map((part, index) => (REASONS[index]!.id === 'c-other' ? rest : part))
  })
  const signIns = days.map((day) => day.signIns)
  const reuse = days.map((day) => day.reuse)
  return html`<section aria-labelledby="days"><h2 id="days">Sessions</h2>
<dl class="figures">${figure('Active sessions', active.value, HOW[active.how])}${sumFigure('Sign-ins', signIns)}${sumFigure(
    'Ends',
    days.map((day) => day.ends),
  )}${sumFigure('Reuse detected', reuse)}</dl>
<div class="columns three">
<figure class="card"><figcaption>Sign-ins per day</figcaption>${barChart(
    'Sign-ins per day',
    [{ id: 'c-main', name: 'Sign-ins' }],
    bars((day) => [day.signIns.value]),
  )}</figure>
<figure class="card"><figcaption>Ends per day, by reason</figcaption>${barChart('Ends per day', REASONS, ends)}</figure>
<figure class="card"><figcaption>Reuse detected per day</figcaption>${barChart(
    'Reuse per day',
    [{ id: 'c-reuse', name: 'Detections' }],
    bars((day) => [day.reuse.value]),
  )}</figure>
</div>
<p class="note">Days in UTC; the last one is unfinished. ${source === 'audit' ? 'From the audit table.' : 'From the stored sessions: older days lack those that are deleted, and a session that expires without a request is no end.'}</p></section>`
}

/** The sum over the days, by the least exact of them. */
function sumFigure(name: string, figures: readonly Figure[]): Html {
  const order: readonly FigureSource[] = ['counted', 'sampled', 'estimated', 'sparse', 'unknown']
  const known = figures.filter(({ value }) => value !== null)
  const how = order[Math.max(0, ...known.map((each) => order.indexOf(each.how)))]!
  const value = known.length === 0 ? null : known.reduce((sum, each) => sum + (each.value ?? 0), 0)
  const days =
    known.length === figures.length ? `${figures.length} days` : `${known.length} of ${figures.length} days`
  return figure(name, value, value === null ? HOW.unknown : `in ${days}, ${HOW[how]}`)
}

function missing(name: string, part: Part<unknown> | null): Html | null {
  if (part !== null) return null
  return html`<section class="card"><h2>${name}</h2><p class="note">This store has no figures. You can still look up users and sessions.</p></section>`
}

const LIVE: Readonly<Record<Counted, string>> = {
  refreshed: 'Refreshes',
  created: 'Sign-ins',
  ended: 'Ends',
  reused: 'Reuse',
}

function live({ activity, now, base }: View): Html {
  const rates = activity.lastMinute(now)
  const lines = COUNTED.map((name) => activity.minutes(now, name))
  const isQuiet = lines.flat().every((value) => value === 0)
  return html`<section aria-labelledby="live"><h2 id="live">This process, in the last minute</h2>
<dl class="figures live" data-live="${base}/live.json">${COUNTED.map(
    (name, index) =>
      html`<div class="figure"><dt>${LIVE[name]}</dt><dd><strong data-rate="${name}">${count(rates[name])}</strong>${sparkline(name, lines[index]!)}</dd></div>`,
  )}</dl><p class="note">The lines show the last ${MINUTES} minutes. Counting began ${ago(activity.since, now)}; other processes count for themselves.${isQuiet ? ' In this time it has refreshed, created and ended no session.' : null}</p></section>`
}

function table(rows: readonly (readonly [string, Piece])[]): Html {
  return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

function feed(view: View, { skew }: ProcessFacts, listening: Listening | null): Html {
  const clock =
    skew === null
      ? 'not compared'
      : Math.abs(skew) < 1000
        ? 'agrees with the database'
        : `${duration(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} the database`
  return html`<section class="card" aria-labelledby="feed"><h2 id="feed">Feed and clock</h2>${table([...feedRows(view, listening), ['Clock', clock]])}</section>`
}

function feedRows(view: View, listening: Listening | null): (readonly [string, Piece])[] {
  if (view.ofCommand)
    return [
      ['Feed', 'not shown: this command is no process of the application'],
      ['LISTEN, tried from here', triedListening(listening)],
    ]
  const { feed: state, confirmations } = view.sessions.stats()
  return [
    [
      'Revocations arrive',
      state.mode === 'expiry'
        ? html`not in this process (<code>revocation.mode</code> is <code>expiry</code>)`
        : state.listening
          ? html`<span class="state active">at once</span> by LISTEN`
          : html`<span class="state warn">by polling</span>`,
    ],
    ...(state.staleness === null
      ? []
      : ([
          ['Last read', html`<span data-staleness>${duration(state.staleness * 1000)}</span> ago`],
          ['Known revocations', `${count(state.entries)} in ${bytes(state.bytes)}`],
        ] as const)),
    ['Confirmations waiting', count(confirmations.queued)],
  ]
}

function triedListening(listening: Listening | null): Piece {
  if (listening === null || listening.working === null) return 'not tried'
  if (listening.working) return html`<span class="state active">works</span>`
  return listening.problem === null
    ? 'not offered by the database'
    : html`<span class="state warn">does not work</span>`
}

interface ShownKey {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly signsFrom: Date
  readonly verifiesUntil: Date | null
}

function keys(view: View, status: Part<StoreStatus> | null): Html {
  const { sessions, engine, now, base, mayAct, ofCommand } = view
  const own = canRotate(view)
  const listed: readonly ShownKey[] = own
    ? sessions.keys.list()
    : (status?.value?.keys ?? sessions.keys.list())
  const sorted = listed.toSorted((a, b) => b.epoch - a.epoch)
  const signing = sorted.find(({ signsFrom }) => signsFrom.getTime() <= now)
  const [newest] = sorted
  const { provided, rotationInterval } = engine.options.keys
  const interval = provided === null && !ofCommand ? rotationInterval : null
  const next =
    newest === undefined || interval === null
      ? null
      : newest.signsFrom.getTime() > now
        ? newest.signsFrom.getTime()
        : newest.signsFrom.getTime() + interval
  const shown = sorted.filter(({ verifiesUntil }) => verifiesUntil === null || verifiesUntil.getTime() > now)
  const retired = sorted.length - shown.length
  const stateOf = (key: ShownKey): Html =>
    key === signing
      ? html`<span class="state active">signs</span>`
      : key.signsFrom.getTime() > now
        ? html`<span class="state">signs ${ago(key.signsFrom, now)}</span>`
        : html`<span class="state">verifies until ${exact(key.verifiesUntil ?? now)}</span>`
  return html`<section class="card" aria-labelledby="keys"><div class="head"><h2 id="keys">Signing keys</h2>${mayAct && own ? html`<a class="button small" href="${base}/actions/rotate-keys">Rotate key</a>` : null}</div>
<ul class="rows">${shown.map((key) => html`<li><code>${key.kid}</code> <span>${key.algorithm}</span> ${stateOf(key)}</li>`)}</ul>
<p class="note">${next === null ? null : html`The next key signs ${ago(next, now)}. `}${retired === 0 ? null : `${counted(retired, 'retired key')} will be deleted.`}</p></section>`
}

function database({ engine }: View, part: Part<StoreStatus> | null): Html {
  const status = part?.value
  if (!status)
    return html`<section class="card" aria-labelledby="database"><h2 id="database">Database</h2><p class="note">${part?.problem ?? 'This store does not report its status.'}</p></section>`
  const { server, schema, table: rows, notifications } = status
  const applied = schema.applied?.at(-1)?.id
  // What the engine or the role does not tell is left out.
  const facts: (readonly [string, Piece])[] = [
    ['Server', `${server.version}${server.standby === true ? ', standby' : ''}`],
    ['Database', server.database],
    [
      'Schema',
      `${schema.name}${applied === undefined ? '' : `, migration ${applied}`}${schema.missing !== null && schema.missing.length > 0 ? `, lacks ${schema.missing.join(', ')}` : ''}`,
    ],
    ['Table of sessions', rows?.bytes == null ? null : `${bytes(rows.bytes)} with its indexes`],
    [
      'Rows',
      rows?.liveRows == null
        ? null
        : `about ${counted(rows.liveRows, 'live row')}, ${count(rows.deadRows ?? 0)} dead`,
    ],
    ['Updates within the page (HOT)', rows?.hotUpdates == null ? null : percent(rows.hotUpdates)],
    ['Last vacuum', rows?.vacuumedAt == null ? null : ago(rows.vacuumedAt, status.at.getTime())],
    ['Listening processes', notifications.listeners === null ? null : count(notifications.listeners)],
  ]
  return html`<section class="card" aria-labelledby="database"><h2 id="database">Database${engine.store.readOnly === true ? html` <span class="tag">read-only</span>` : null}</h2>${table(facts.filter(([, value]) => value !== null))}</section>`
}

function recentEvents(view: View): Html | null {
  const recent = view.activity.notable().filter(({ name }) => !view.ofCommand || name === 'consoleAction')
  // "Nothing out of the ordinary" would say so of the application.
  if (view.ofCommand && recent.length === 0) return null
  const item = (entry: RecentEvent): Html => {
    const { at, name, level, message, times, sessionId, userId, event } = entry
    const { actor } = event as { actor?: unknown }
    return html`<li class="${level}"><p>${message}${name === 'consoleAction' ? `: ${actionText(event as unknown as SessionEvents['consoleAction'])}` : null}${times > 1 ? ` (${count(times)} times)` : ''}</p><small>${ago(at, view.now)}${sessionId === null ? null : html` · ${sessionLink(view, sessionId)}`}${userId === null ? null : html` · ${userLink(view, userId)}`}${typeof actor === 'string' ? html` · by <bdi>${actor}</bdi>` : null}</small></li>`
  }
  return html`<section class="card" aria-labelledby="events"><h2 id="events">${view.ofCommand ? 'Actions of this console' : 'Notable events of this process'}</h2>${
    recent.length === 0
      ? html`<p class="note">Nothing out of the ordinary. Events of other processes are in their logs.</p>`
      : html`<ul class="events">${recent.slice(0, SHOWN_EVENTS).map(item)}</ul>${
          recent.length <= SHOWN_EVENTS
            ? null
            : html`<details><summary>${counted(recent.length - SHOWN_EVENTS, 'earlier event')}</summary><ul class="events">${recent.slice(SHOWN_EVENTS).map(item)}</ul></details>`
        }`
  }</section>`
}

/** What the script of the page asks for. It reads no database. */
export function liveFigures({ activity, now, sessions }: View): object {
  const { staleness } = sessions.stats().feed
  return {
    rates: activity.lastMinute(now),
    minutes: Object.fromEntries(COUNTED.map((name) => [name, activity.minutes(now, name)])),
    staleness: staleness === null ? null : duration(staleness * 1000),
  }
}
