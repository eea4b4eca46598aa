import type { DeviceName } from './device-name.ts'
import { type Html, html } from './html.ts'

const SHAPES: Readonly<Record<DeviceName['kind'], Html>> = {
  desktop: html`<rect x="2.5" y="4" width="15" height="10" rx="1.5"/><path d="M7 17h6M10 14v3"/>`,
  phone: html`<rect x="6" y="2.5" width="8" height="15" rx="1.8"/><path d="M9 15h2"/>`,
  tablet: html`<rect x="4" y="2.5" width="12" height="15" rx="1.8"/><path d="M9 15h2"/>`,
  app: html`<rect x="3.5" y="3.5" width="13" height="13" rx="3.5"/><path d="M7 12.5 10 7l3 5.5M8 11h4"/>`,
  program: html`<rect x="2.5" y="4" width="15" height="12" rx="1.5"/><path d="m6 8 2.5 2L6 12M10.5 12.5H14"/>`,
  unknown: html`<circle cx="10" cy="10" r="7"/><path d="M8 8a2 2 0 1 1 2.6 1.9c-.5.2-.6.5-.6 1.1M10 13.6v.1"/>`,
}

/** An icon beside the name of the device, which says the same. */
export function deviceIcon(kind: DeviceName['kind']): Html {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">${SHAPES[kind]}</svg>`
}
