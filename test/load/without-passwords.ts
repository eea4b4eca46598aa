/** Hides the user and password of URLs, and other passwords, in text that is printed. */
export function withoutPasswords(text: string): string {
  return text
    .replaceAll(/:\/\/\S*@/g, '://…@')
    .replaceAll(/(password\s*=\s*)("[^"]*"|'[^']*'|[^\s&"']+)/gi, '$1…')
}
