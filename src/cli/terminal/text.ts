import { escaped, printable } from '../../portable/printable.ts'

/** The characters that `printable` escapes, except for those that `JSON.stringify` escapes and its own line breaks. */
const UNPRINTABLE_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu
/** Characters that take two columns of a terminal. */
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60]/u

const graphemes = new Intl.Segmenter()

/** User input in quotes. Input that may be a token or hold a password is replaced by its length. */
export function quoted(value: string): string {
  return value.length > 64 || /@|:\/\//.test(value)
    ? `'…' (${value.length} characters)`
    : `'${printable(value)}'`
}

/** One JSON document in which control characters are escaped. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE_IN_JSON, escaped)
}

/** The number of terminal columns that a printable text takes. */
export function columns(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let sum = 0
  for (const { segment } of graphemes.segment(text)) sum += WIDE.test(segment) ? 2 : 1
  return sum
}

/** At most `width` columns of a printable text. */
export function cut(text: string, width: number): string {
  if (text.length <= width / 2 || columns(text) <= width) return text
  let kept = ''
  let sum = 0
  for (const { segment } of graphemes.segment(text)) {
    sum += columns(segment)
    if (sum > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** Breaks a paragraph between words. */
export function wrapped(text: string, width: number): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && columns(line) + 1 + columns(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}
