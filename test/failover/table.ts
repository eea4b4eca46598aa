import type { LoadReport, Loss } from '../load/report.ts'

/** What a test did to a cluster. */
export interface Failure {
  readonly cluster: string
  readonly replication: string
  readonly name: string
}

const HEAD = [
  'cluster',
  'replication',
  'failure',
  'recovered',
  'worked',
  'failed',
  'logged out',
  'logins lost',
  'revived',
]

/** Collects a line for each run. */
export interface Table {
  /** @param loginsLost logins that the failure may lose, and has lost */
  add(failure: Failure, report: LoadReport, loginsLost: readonly Loss[]): void
  print(): void
}

export function createTable(): Table {
  const rows: string[][] = []
  return {
    add({ cluster, replication, name }, report, loginsLost) {
      const recovered = report.recoveries.at(-1)?.seconds ?? null
      const allLost = report.loginsLost.length + report.honestLogouts.length
      const counts = [
        sum(report.worked),
        sum(report.errors),
        allLost - loginsLost.length,
        loginsLost.length,
        report.revived.length,
      ]
      rows.push([
        cluster,
        replication,
        name,
        recovered === null ? 'not' : `${recovered.toFixed(1)} s`,
        ...counts.map(String),
      ])
    },
    print() {
      if (rows.length === 0) return
      const lines = [HEAD, ...rows]
      const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
      // The first columns are words, the others numbers.
      const cell = (text: string, column: number): string =>
        column < 3 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
      console.log(lines.map((line) => line.map(cell).join('  ').trimEnd()).join('\n'))
    },
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
