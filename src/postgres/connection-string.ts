const EXAMPLE = 'write it as postgres://user:password@host:5432/database'
const ENCODE =
  'Percent-encode special characters of the user and the password: @ as %40, / as %2F, # as %23, ? as %3F.'

/** Names that a URL of another system begins with. */
const SCHEMES: Readonly<Record<string, string>> = {
  'prisma+postgres': 'Only Prisma can use such a URL: take the direct URL of the database.',
  prisma: 'Only Prisma can use such a URL: take the direct URL of the database.',
  http: 'The driver speaks the PostgreSQL protocol, not HTTP: take the direct URL of the database.',
  https: 'The driver speaks the PostgreSQL protocol, not HTTP: take the direct URL of the database.',
}

/**
 * Finds what keeps `pg` from reading a connection string, before it connects to a wrong place.
 * @returns the end of a sentence that begins with the name of the option or variable; `null` for no mistake.
 * It never repeats the string, which may hold a password.
 */
export function connectionStringMistake(text: string): string | null {
  // The driver also takes the folder of a socket, followed by a space and the database.
  if (text.startsWith('/')) return null
  if (/^["'`\s]|["'`]\s*$/.test(text))
    return 'begins or ends with a quote or a space. Remove it; some `.env` readers keep quotes.'
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (/^jdbc:/i.test(text))
    return `is a JDBC URL, which the driver cannot read: leave out \`jdbc:\`, and ${EXAMPLE}.`
  if (text.startsWith('socket:')) return parse(text) === null ? 'cannot be parsed as a URL.' : null
  if (scheme === undefined) {
    return /^\w+\s*=/.test(text)
      ? `is a list of keywords and values, or an assignment, which the driver cannot read: ${EXAMPLE}.`
      : `is not a PostgreSQL URL: ${EXAMPLE}.`
  }
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    const hint = SCHEMES[scheme] ?? `Pawl stores sessions in PostgreSQL: ${EXAMPLE}.`
    return `is not a PostgreSQL URL but begins with ${scheme.slice(0, 32)}://. ${hint}`
  }
  const hosts = /:\/\/(?:[^/?#]*@)?([^/?#]*)/.exec(text)?.[1] ?? ''
  if (hosts.includes(','))
    return 'names several hosts, which the driver cannot use. Name the primary, or an address that leads to it.'
  const url = parse(text)
  if (url === null) return `cannot be parsed as a URL. Check the port. ${ENCODE}`
  // A `/`, `#` or `?` in the password ends the host early, and the driver would connect to a piece of the password.
  return /@/.test(url.pathname + url.hash) || /^\?[^=]*@/.test(url.search)
    ? `has an @ after the host. ${ENCODE}`
    : null
}

/** As the driver parses it: it encodes spaces and takes a URL without a host, for a socket. */
export function parse(text: string): URL | null {
  const encoded = text.replaceAll(' ', '%20')
  for (const candidate of [encoded, encoded.replace('@/', '@localhost/')]) {
    if (URL.canParse(candidate)) return new URL(candidate)
  }
  return null
}
