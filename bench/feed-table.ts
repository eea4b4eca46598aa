import type { FeedFigures } from './feed.ts'
import type { Spread } from './revocation.ts'

const COLUMNS = ['p50', 'p95', 'p99', 'max'] as const

/** The figures for people. */
export function print({ processes, cores, node, listening, polling, memory }: FeedFigures): string {
  const row = (name: string, spread: Spread): string =>
    `  ${name.padEnd(34)}${COLUMNS.map((column) => `${spread[column].toFixed(1)} ms`.padStart(12)).join('')}`
  const entry = (name: string, { measured, lookup }: FeedFigures['memory']['table']): string =>
    `  ${name.padEnd(34)}${[`${measured} B`, `${lookup} ns`].map((cell) => cell.padStart(12)).join('')}`
  return [
    `${processes} processes on ${cores} cores, Node.js ${node}`,
    '',
    `  ${'revoked in one, refused by others'.padEnd(34)}${COLUMNS.map((column) => column.padStart(12)).join('')}`,
    row(`LISTEN, from the call (${listening.measurements})`, listening.callToRefused),
    row('LISTEN, from the commit', listening.commitToRefused),
    row(`polling each ${polling.pollInterval} s, from the call`, polling.callToRefused),
    row(`polling each ${polling.pollInterval} s, from the commit`, polling.commitToRefused),
    '',
    `  ${`${memory.entries.toLocaleString('en')} ended sessions`.padEnd(34)}${['an entry', 'a lookup'].map((cell) => cell.padStart(12)).join('')}`,
    entry('table', memory.table),
    entry('Map of strings', memory.map),
    '',
  ].join('\n')
}
