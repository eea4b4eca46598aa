import { formatNumber } from '../harness/figures.ts'
import type { Bar, BarKind, Panel } from './panels.ts'

interface Picture {
  readonly title: string
  readonly panels: readonly Panel[]
  /** Printed below the panels. */
  readonly notes: readonly string[]
}

const WIDTH = 800
const MARGIN = 24
const BARS_AT = 330
const BARS_WIDTH = 354
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
  .other { fill: #a3adb8 }
  .limit { fill: #ffffff; stroke: #59636e; stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .ground { fill: #0d1117; stroke: #3d444d }
    .track { fill: #1a2028 }
    .pawl { fill: #4c9df3 }
    .other { fill: #5d6873 }
    .limit { fill: #0d1117; stroke: #9198a1 }
  }
`

const LEGEND: readonly (readonly [BarKind, string])[] = [
  ['pawl', 'Pawl'],
  ['other', 'other libraries'],
  ['limit', 'least possible work'],
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
  return LEGEND.map(([kind, label]) => {
    const at = x
    x += 44 + label.length * 6
    return `${rect(kind, at, y - 11, 12, 12)}${text(at + 18, y, 'note', label)}`
  }).join('\n')
}

function drawPanel(panel: Panel, top: number): string[] {
  const { title, bars, full = 0 } = panel
  const end = Math.max(full, ...bars.map(({ value }) => value))
  return [
    text(MARGIN, top + 28, 'head', title),
    text(MARGIN, top + 46, 'note', noteOf(panel)),
    ...bars.map((bar, index) => drawBar(bar, panel, top + PANEL_HEAD + index * ROW, end)),
  ]
}

function drawBar({ label, kind, value }: Bar, { unit }: Panel, y: number, end: number): string {
  const width = Math.max(1, (value / end) * BARS_WIDTH)
  const baseline = y + BAR - 3
  return [
    text(BARS_AT - 10, baseline, kind === 'pawl' ? 'label strong' : 'label', label, 'end'),
    rect('track', BARS_AT, y, BARS_WIDTH, BAR),
    rect(kind, BARS_AT, y, round(width), BAR),
    text(round(BARS_AT + width + 8), baseline, 'value', amountOf(value, unit)),
  ].join('')
}

function amountOf(value: number, unit: Panel['unit']): string {
  if (unit === '%') return `${value.toFixed(value < 10 ? 1 : 0)} %`
  return `${formatNumber(value)} ${unit}`
}

const noteOf = ({ note, better }: Panel): string => `${note}; ${better} is better`

function describe(panel: Panel): string {
  const { title, bars, unit } = panel
  const values = bars.map(({ label, value }) => `${label} ${amountOf(value, unit)}`)
  return `${title} (${noteOf(panel)}): ${values.join(', ')}.`
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
