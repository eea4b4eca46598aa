import { readFileSync } from 'node:fs'
import type { Attributes, Histogram, Meter, MeterProvider, MetricOptions } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openTelemetry } from '../../src/otel/index.ts'
import { END_REASONS } from '../../src/portable/end-reason.ts'
import type { SessionsErrorCode } from '../../src/portable/errors.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}
interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

const { groups } = parse(readFileSync('docs/operate/alerts/prometheus.yml', 'utf8')) as {
  groups: { name: string; rules: Rule[] }[]
}
const rules = groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(readFileSync('docs/operate/alerts/grafana.json', 'utf8')) as {
  panels: Panel[]
}
const targets = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }): [string, string] => [title, expr]),
)
const expressions: [string, string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...targets,
]

type Kind = 'counter' | 'gauge' | 'histogram'

/** What `pawl/otel` registers, without an SDK. */
function registeredMetrics(): Map<string, { kind: Kind; unit: string }> {
  const metrics = new Map<string, { kind: Kind; unit: string }>()
  const instrument = { add() {}, record(_: number, __: Attributes) {} }
  const register =
    (kind: Kind) =>
    (name: string, { unit = '' }: MetricOptions = {}): Histogram => {
      metrics.set(name, { kind, unit })
      return instrument
    }
  const meter = {
    createCounter: register('counter'),
    createObservableCounter: register('counter'),
    createHistogram: register('histogram'),
    createObservableGauge: register('gauge'),
    createObservableUpDownCounter: register('gauge'),
    addBatchObservableCallback() {},
    removeBatchObservableCallback() {},
  } as unknown as Meter
  const meterProvider: MeterProvider = { getMeter: () => meter }
  openTelemetry({ meterProvider }).observe({ on: () => () => {}, stats: () => null })
  return metrics
}

const UNITS: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes', '1': '_ratio' }

/**
 * Names in Prometheus. Its OTLP receiver and the Collector append the unit, but not one in braces; the exporter of
 * OpenTelemetry for Node.js does not.
 */
function prometheusNames(appendsUnit: boolean): Set<string> {
  const names = [...registeredMetrics()].flatMap(([name, { kind, unit }]) => {
    const base = name.replaceAll('.', '_') + (appendsUnit ? (UNITS[unit] ?? '') : '')
    if (kind === 'histogram') return ['_bucket', '_sum', '_count'].map((suffix) => base + suffix)
    return kind === 'counter' ? [`${base}_total`] : [base]
  })
  return new Set(names)
}

const WITH_UNITS = prometheusNames(true)
const WITHOUT_UNITS = prometheusNames(false)

/** Metrics of an expression. A selector by `__name__` with `(_seconds)?` stands for two names. */
function namesIn(expr: string, appendsUnit: boolean): string[] {
  const withoutLabels = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, (text) =>
    text.includes('pawl_') ? text : '""',
  )
  const names = withoutLabels.match(/pawl_[a-z_]+(?:\(_[a-z]+\)\?)?[a-z_]*/g) ?? []
  return names
    .map((name) => name.replace(/\((_[a-z]+)\)\?/, appendsUnit ? '$1' : ''))
    .filter((name) => !Object.hasOwn(LABELS, name))
}

/** Values of the attributes of metrics. */
const LABELS: Readonly<Record<string, readonly string[] | null>> = {
  pawl_operation: ['create', 'refresh', 'check', 'confirm', 'poll', 'prune'],
  pawl_verdict: null,
  pawl_reason: null,
  pawl_action: null,
  pawl_device_kind: null,
  pawl_end_reason: END_REASONS,
  error_type: ['ERR_STORE_UNAVAILABLE'] satisfies SessionsErrorCode[],
}

describe.each(expressions)('%s', (_, expr) => {
  it('names metrics that exist, by the names of OTLP and of the exporter for Node.js', () => {
    expect(namesIn(expr, true).length).toBeGreaterThan(0)
    expect(namesIn(expr, true).filter((name) => !WITH_UNITS.has(name))).toStrictEqual([])
    expect(namesIn(expr, false).filter((name) => !WITHOUT_UNITS.has(name))).toStrictEqual([])
  })

  it('asks for attributes and values that exist', () => {
    for (const [, label, value] of expr.matchAll(/(\w+)="([^"]+)"/g)) {
      expect(LABELS).toHaveProperty(label!)
      if (LABELS[label!] != null) expect(LABELS[label!]).toContain(value)
    }
  })
})

describe('the alert rules', () => {
  const page = readFileSync('docs/operate/alerts.md', 'utf8')

  it('have unique names, a severity and words', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Pawl[A-Z]\w+$/)
      expect(['page', 'ticket']).toContain(labels.severity)
      expect(annotations.summary.length).toBeGreaterThan(10)
      expect(annotations.description.length).toBeGreaterThan(10)
    }
  })

  it('are all explained on the page, and the page explains no other', () => {
    const explained = [...page.matchAll(/^### (Pawl\w+)$/gm)].map(([, alert]) => alert)
    expect(explained).toStrictEqual(rules.map(({ alert }) => alert))
  })
})

describe('the dashboard', () => {
  it('names only alerts that exist', () => {
    const named = readFileSync('docs/operate/alerts/grafana.json', 'utf8').match(/Pawl[A-Z]\w+/g) ?? []
    expect(named.filter((name) => !rules.some(({ alert }) => alert === name))).toStrictEqual([])
  })

  it('has panels with unique ids that do not overlap', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const [index, one] of panels.entries())
      for (const other of panels.slice(index + 1)) expect(overlaps(one, other)).toBe(false)
  })

  it('shows every metric', () => {
    const shown = new Set(targets.flatMap(([, expr]) => namesIn(expr, true)))
    const missing = [...WITH_UNITS].filter((name) => !shown.has(name) && !/_sum$/.test(name))
    expect(missing).toStrictEqual([])
  })
})

function overlaps({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}
