import { formatNumber } from '../harness/figures.ts'
import type { Bar, Panel } from './panels.ts'

interface Picture {
  readonly title: string
  readonly panels: readonly Panel[]
  /** Printed below the panels. */
  readonly notes: readonly string[]
}

const WIDTH = 800
const MARGIN = 24
const BARS_AT = 230
const BARS_WIDTH = 454
const ROW = 26
const BAR = 16
const PANEL_HEAD = 56
const LINE = 18
/** Characters that fit in the widest of the usual fonts. */
const LINE_LENGTH = 104

/** A page cannot style an image, so the image has a background and a dark mode of its own. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 20px; font-weight: 600 }
  .head { font-size: 15px; font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .label { font-size: 12px }
  .value { font-size: 12px; font-weight: 600 }
  .strong { font-weight: 600 }
  .ground { fill: #ffffff; stroke: #d1d9e0 }
  .track { fill: #f1f3f6 }
  .pawl { fill: #0b6bcb }
  .pawl-database { fill: #85bdf0 }
  .other { fill: #8893a0 }
  .other-database { fill: #c5ccd4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .ground { fill: #0d1117; stroke: #3d444d }
    .track { fill: #1a2028 }
    .pawl { fill: #4c9df3 }
    .pawl-database { fill: #24527f }
    .other { fill: #74808d }
    .other-database { fill: #414b56 }
  }
`

const LEGEND: readonly (readonly [kinds: readonly string[], label: string])[] = [
  [['pawl', 'other'], 'application'],
  [['pawl-database', 'other-database'], 'database'],
]

/** @returns an SVG without scripts, fonts or external references */
export function drawPicture({ title, panels, notes }: Picture): string {
  const parts: string[] = []
  let y = MARGIN + 16
  parts.push(text(MARGIN, y, 'title', title))
  y += 26
  parts.push(legend(y))
  y += 10
  for (const panel of panels) {
    parts.push(...drawPanel(panel, y))
    y += PANEL_HEAD + panel.bars.length * ROW
  }
  y += 30
  for (const line of notes.flatMap(wrapLine)) {
    parts.push(text(MARGIN, y, 'note', line))
    y += LINE
  }
  const height = y + MARGIN - LINE + 4
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${escapeXml(title)}</title>
<desc id="description">${escapeXml(panels.map(describe).join(' '))}</desc>
<style>${STYLE}</style>
<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${parts.join('\n')}
</svg>
`
}

function legend(y: number): string {
  let x = MARGIN
  return LEGEND.map(([kinds, label]) => {
    const squares = kinds.map((kind, index) => rect(kind, x + index * 14, y - 11, 12, 12))
    const labelAt = x + kinds.length * 14 + 4
    x = labelAt + 26 + label.length * 6
    return `${squares.join('')}${text(labelAt, y, 'note', label)}`
  }).join('\n')
}

function drawPanel({ title, note, bars, unit }: Panel, top: number): string[] {
  const end = Math.max(...bars.map(totalOf))
  return [
    text(MARGIN, top + 28, 'head', title),
    text(MARGIN, top + 46, 'note', note),
    ...bars.map((bar, index) => drawBar(bar, unit, top + PANEL_HEAD + index * ROW, end)),
  ]
}

function drawBar(bar: Bar, unit: string, y: number, end: number): string {
  const { label, kind, parts } = bar
  const baseline = y + BAR - 3
  const widths = parts.map((part) => round((part / end) * BARS_WIDTH))
  const length = widths.reduce((sum, width) => sum + width, 0)
  return [
    text(BARS_AT - 10, baseline, kind === 'pawl' ? 'label strong' : 'label', label, 'end'),
    rect('track', BARS_AT, y, BARS_WIDTH, BAR),
    ...widths.map((width, index) => {
      const before = widths.slice(0, index).reduce((sum, other) => sum + other, 0)
      return rect(index === 0 ? kind : `${kind}-database`, round(BARS_AT + before), y, width, BAR)
    }),
    text(round(BARS_AT + length + 8), baseline, 'value', amountOf(bar, unit)),
  ].join('')
}

const totalOf = ({ parts }: Bar): number => parts.reduce((sum, part) => sum + part, 0)
const amountOf = (bar: Bar, unit: string): string => `${formatNumber(totalOf(bar))} ${unit}`

function describe({ title, note, bars, unit }: Panel): string {
  const values = bars.map((bar) => `${bar.label} ${amountOf(bar, unit)}`)
  return `${title} (${note}): ${values.join(', ')}.`
}

function rect(name: string, x: number, y: number, width: number, height: number): string {
  return `<rect class="${name}" x="${x}" y="${y}" width="${width}" height="${height}" rx="2"/>`
}

function text(x: number, y: number, name: string, content: string, anchor?: 'end'): string {
  const anchored = anchor === undefined ? '' : ` text-anchor="${anchor}"`
  return `<text class="${name}" x="${x}" y="${y}"${anchored}>${escapeXml(content)}</text>`
}

function wrapLine(line: string): string[] {
  const lines: string[] = []
  for (const word of line.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length === 0 || longer.length > LINE_LENGTH) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines
}

const round = (value: number): number => Math.round(value * 10) / 10

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeXml = (content: string): string =>
  content.replaceAll(/[&<>"]/g, (character) => ESCAPES[character]!)
