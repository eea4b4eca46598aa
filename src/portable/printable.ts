/** Characters that move the cursor, change colors or reverse text. Strangers write user agents. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** One line in which control characters are escaped, for a terminal or a log. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped)
}

/** By UTF-16 unit, as in JSON. */
export function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
