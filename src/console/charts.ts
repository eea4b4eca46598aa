import { count } from '../portable/format.ts'
import { type Html, html, markup } from './html.ts'

/** A series of a chart. The names are classes of the style sheet too. */
export interface Series {
  readonly id: string
  readonly name: string
}

/** One bar. `null`: unknown. */
export interface Bar {
  readonly label: string
  readonly values: readonly (number | null)[]
}

const HEIGHT = 100
const STEP = 10
const WIDTH = 7

/** Stacked bars as SVG, with their numbers as a table for those who do not see them or want them exactly. */
export function barChart(name: string, series: readonly Series[], bars: readonly Bar[]): Html {
  const totals = bars.map(({ values }) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0))
  const top = niceTop(Math.max(...totals, 1))
  const rects = bars.flatMap(({ label, values }, index) => {
    let from = HEIGHT
    if (values.every((value) => value === null))
      return [rect('unknown', index, HEIGHT - 2, 2, `${label}: unknown`)]
    return values.flatMap((value, place) => {
      const height = ((value ?? 0) / top) * HEIGHT
      if (height === 0) return []
      from -= height
      const { id, name: part } = series[place]!
      return [rect(id, index, from, height, `${label}: ${count(value ?? 0)} ${part.toLowerCase()}`)]
    })
  })
  const first = bars[0]?.label ?? ''
  const last = bars.at(-1)?.label ?? ''
  return html`<div class="plot"><span class="top">${count(top)}</span><svg class="bars" viewBox="0 0 ${bars.length * STEP - (STEP - WIDTH)} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${name}, ${first} to ${last}">${rects}</svg></div><div class="axis" aria-hidden="true"><span>${first}</span><span>${last}</span></div>${
    series.length < 2
      ? null
      : html`<ul class="legend">${series.map(({ id, name: part }) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${id}" width="10" height="10" rx="2"/></svg>${part}</li>`)}</ul>`
  }<details><summary>Numbers<span class="hidden"> of the chart ${name}</span></summary><div class="scroll" tabindex="0" role="group" aria-label="Numbers of ${name}"><table><thead><tr><th scope="col">Day</th>${series.map(({ name: part }) => html`<th scope="col">${part}</th>`)}</tr></thead><tbody>${bars.toReversed().map(({ label, values }) => html`<tr><th scope="row">${label}</th>${values.map((value) => html`<td>${value === null ? 'unknown' : count(value)}</td>`)}</tr>`)}</tbody></table></div></details>`
}

function rect(id: string, index: number, y: number, height: number, title: string): Html {
  return html`<rect class="${id}" x="${index * STEP}" y="${y.toFixed(2)}" width="${WIDTH}" height="${height.toFixed(2)}"><title>${title}</title></rect>`
}

/** A line without axes. The script draws it anew. */
export function sparkline(name: string, values: readonly number[]): Html {
  return html`<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true"><polyline data-line="${name}" points="${sparkPoints(values)}"/></svg>`
}

/** As the script computes it too. */
function sparkPoints(values: readonly number[]): Html {
  const top = Math.max(...values, 1)
  return markup(
    values
      .map(
        (value, index) =>
          `${((index / (values.length - 1)) * 100).toFixed(1)},${(26 - (value / top) * 24).toFixed(1)}`,
      )
      .join(' '),
  )
}

/** A round number at or above. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value
}
