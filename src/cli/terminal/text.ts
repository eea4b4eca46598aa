const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Whatever could move the cursor, change colors or turn text around: user agents are written by strangers. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
/** The same without what `JSON.stringify` escapes itself, and without its own line breaks. */
const UNPRINTABLE_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu
/** Characters that take two columns of a terminal. */
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60]/u

const graphemes = new Intl.Segmenter()

/** A value as one line that a terminal shows and does not obey. */
export function printable(value: string): string {
  return value.replace(UNPRINTABLE, escaped)
}

/** A value of someone's in a sentence; of what may hold a password or be a token only how long it is. */
export function quoted(value: string): string {
  return value.length > 64 || /@|:\/\//.test(value)
    ? `'…' (${value.length} characters)`
    : `'${printable(value)}'`
}

/** One JSON document, as harmless for a terminal as any other output. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE_IN_JSON, escaped)
}

/** By UTF-16 unit, which is how JSON writes it too. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

/** How many columns of a terminal a printable text takes. */
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

/** `2026-11-23 20:54:55Z` */
export function time(at: Date): string {
  return at.toISOString().replace('T', ' ').replace(/\.\d+/, '')
}

/** `2026-11-23 20:54:55Z (3 h ago)` */
export function timeAgo(at: Date, now: Date): string {
  return `${time(at)} (${distance(at, now)})`
}

function distance(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  return ms >= 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/** The largest unit that leaves at least two of it. */
export function duration(ms: number): string {
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)} s`
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`
  return `${count(Math.floor(ms / DAY))} days`
}

/** `12,345` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `1 session`, `12,345 sessions` */
export function several(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
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
