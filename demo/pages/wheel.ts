import { type Html, html } from './html.ts'

/** A full turn of the wheel takes this many generations. */
const TEETH = 16
const ROOT = 80
const TIP = 95

/** The ratchet wheel and its pawl. The teeth are steep on one side, so that the wheel turns one way only. */
export function wheel(generation: string): Html {
  return html`<svg class="wheel" viewBox="-112 -130 224 242" role="img" aria-label="Ratchet wheel" data-teeth="${TEETH}">
  <g class="wheel-disc">
    <path class="wheel-rim" fill-rule="evenodd" d="${rim()}"/>
    <circle class="wheel-line" r="70"/>
    ${holes()}
    <circle class="wheel-mark" cx="0" cy="-63" r="3.2"/>
  </g>
  <g class="wheel-pawl">
    <path d="M-74 -124 L-70 -106 L-5 -80 L-1 -95 Z"/>
    <circle class="wheel-pivot" cx="-74" cy="-114" r="10"/>
    <circle class="wheel-hole" cx="-74" cy="-114" r="3.5"/>
  </g>
  <text class="wheel-count" y="12" data-wheel-count>${generation}</text>
  <text class="wheel-label" y="34">generation</text>
</svg>`
}

function rim(): string {
  const points = Array.from({ length: TEETH }, (_, index) => {
    const angle = ((index * 360) / TEETH - 90) * (Math.PI / 180)
    return `${at(ROOT, angle)} L${at(TIP, angle)}`
  })
  return `M${points.join(' L')} Z M58 0 A58 58 0 1 0 -58 0 A58 58 0 1 0 58 0 Z`
}

function holes(): Html[] {
  return Array.from({ length: 8 }, (_, index) => {
    const angle = ((index * 45 + 22.5 - 90) * Math.PI) / 180
    const [x, y] = at(64, angle).split(' ')
    return html`<circle class="wheel-hole" cx="${x!}" cy="${y!}" r="1.6"/>`
  })
}

function at(radius: number, angle: number): string {
  return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`
}
