import type { Figure } from '../harness/figures.ts'
import { COMPARED } from '../servers/compared.ts'

export interface Bar {
  readonly label: string
  readonly kind: 'pawl' | 'other'
  /** The parts of a stacked bar, first to last. */
  readonly parts: readonly number[]
}

/** One comparison, with a scale of its own. */
export interface Panel {
  readonly title: string
  readonly note: string
  readonly bars: readonly Bar[]
  readonly unit: string
}

type Template = Omit<Panel, 'bars'> & {
  /** The figures of a contender that make the parts. */
  readonly figures: readonly string[]
  /** From the figures' unit to the panel's, for a million users. */
  readonly factor: number
}

const PANELS: readonly Template[] = [
  {
    title: 'Processor time for a million daily users',
    note: 'hours a day, the application and its database; less is better',
    figures: ['day.app', 'day.database'],
    factor: 1 / 3600,
    unit: 'h',
  },
  {
    title: 'Database statements for a million daily users',
    note: 'millions a day; less is better',
    figures: ['day.statements'],
    factor: 1,
    unit: 'M',
  },
]

/** Contenders without a figure for a whole day are left out. */
export function panelsOf(figures: readonly Figure[]): Panel[] {
  const values = new Map(figures.map(({ id, value }) => [id, value]))
  return PANELS.map(({ figures: names, factor, ...panel }) => ({
    ...panel,
    bars: COMPARED.flatMap(({ id, label }) => {
      const parts = names.flatMap((name) => values.get(`compare.${id}.${name}`) ?? [])
      if (parts.length === 0) return []
      return [{ label, kind: id === 'pawl' ? 'pawl' : 'other', parts: parts.map((part) => part * factor) }]
    }),
  }))
}
