/** Which scenario holds on which adapter, as the tests have found. */
export interface MatrixTable {
  record(scenario: string, adapter: string, holds: boolean): void
  /** Scenarios as rows, adapters as columns; blank for what was not run. */
  toString(): string
}

export function createMatrixTable(): MatrixTable {
  const rows = new Map<string, Map<string, boolean>>()
  const adapters = new Set<string>()

  return {
    record(scenario, adapter, holds) {
      adapters.add(adapter)
      const row = rows.get(scenario) ?? new Map<string, boolean>()
      rows.set(scenario, row.set(adapter, holds))
    },
    toString() {
      const width = Math.max(0, ...[...rows.keys()].map(({ length }) => length))
      const line = (first: string, cell: (adapter: string) => string): string => {
        const cells = [...adapters].map((adapter) => cell(adapter).padEnd(adapter.length))
        return [first.padEnd(width), ...cells].join('  ').trimEnd()
      }
      return [
        line('', (adapter) => adapter),
        ...[...rows].map(([scenario, row]) => line(scenario, (adapter) => mark(row.get(adapter)))),
      ].join('\n')
    },
  }
}

function mark(holds: boolean | undefined): string {
  if (holds === undefined) return ''
  return holds ? '✓' : '✗'
}
