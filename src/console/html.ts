import { escaped, printable } from '../portable/printable.ts'

/** Text that is HTML already. Only the functions of this file make it. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What a template takes. Texts are escaped, also inside attributes; `null` and `false` are left out. */
export type Piece = Html | string | number | null | false | readonly Piece[]

/** A template of HTML. Every attribute that takes a piece needs double quotes. */
export function html(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(texts.reduce((done, text, index) => done + render(pieces[index - 1]!) + text))
}

function render(piece: Piece): string {
  if (piece === null || piece === false) return ''
  if (piece instanceof Html) return piece.text
  if (Array.isArray(piece)) return piece.map(render).join('')
  return escapeText(printable(String(piece)))
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** The value of an input, which sends it back: unchanged, except characters that no input can hold. */
export function inputValue(text: string): Html {
  return new Html(escapeText(text.replace(/[\0\r\n]/g, escaped)))
}

/** Text of several lines, for `pre`. */
export function lines(text: string): Html {
  return new Html(text.split('\n').map(render).join('\n'))
}

/** Text of this program that is HTML already, such as an SVG. */
export function markup(text: string): Html {
  return new Html(text)
}

const TIME_OR_CODE = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)|`([^`]+)`/

/** Sentences in which times are ISO 8601 and code has backticks. A text of others may look like a time and be none. */
export function prose(text: string, time: (at: Date) => Html): Html {
  const pieces = text.split(TIME_OR_CODE).map((part = '', index): Piece => {
    if (index % 3 === 0 || part === '') return part
    if (index % 3 === 2) return html`<code>${part}</code>`
    const at = new Date(part)
    return Number.isNaN(at.getTime()) ? part : time(at)
  })
  return html`${pieces}`
}
