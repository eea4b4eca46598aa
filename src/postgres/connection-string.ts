const EXAMPLE = 'write it as postgres://user:password@host:5432/database'
const ENCODE =
  'Percent-encode special characters of the user and the password: @ as %40, / as %2F, # as %23, ? as %3F.'

const ONE_HOST =
  "Name the primary, or one address that always leads to it: that of a proxy, or the cluster's address for writes"

export const SEVERAL_HOSTS: string = `names several hosts or ports, and the driver can use only one. ${ONE_HOST}.`

/** Parameters by which libpq chooses the server or the database. */
const IGNORED: Readonly<Record<string, string>> = {
  hostaddr: 'Write the address as the host.',
  target_session_attrs: `${ONE_HOST}. To read from a standby, name it and set \`readOnly: true\`.`,
  load_balance_hosts: `${ONE_HOST}.`,
  service: `Instead, ${EXAMPLE}.`,
  dbname: 'Write the database after the host: postgres://user:password@host:5432/database.',
}

/** The values that the one server of the URL fulfills: Pawl refuses one that takes no writes. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  target_session_attrs: ['any', 'read-write', 'primary'],
  load_balance_hosts: ['disable'],
}

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
  if (text.startsWith('/')) return addressMistake({ host: text.split(' ', 1)[0] })
  if (/^["'`\s]*\w+\s*=/.test(text))
    return `is a list of keywords and values, or an assignment, which the driver cannot read: ${EXAMPLE}.`
  if (/^["'`\s]|["'`]\s*$/.test(text))
    return 'begins or ends with a quote or a space. Remove it; some `.env` readers keep quotes.'
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (/^jdbc:/i.test(text))
    return `is a JDBC URL, which the driver cannot read: leave out \`jdbc:\`, and ${EXAMPLE}.`
  if (text.startsWith('socket:')) {
    const url = parse(text)
    return url === null ? 'cannot be parsed as a URL.' : addressMistake({ host: url.pathname })
  }
  if (scheme === undefined) return `is not a PostgreSQL URL: ${EXAMPLE}.`
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    const hint = SCHEMES[scheme] ?? `Pawl stores sessions in PostgreSQL: ${EXAMPLE}.`
    return `is not a PostgreSQL URL but begins with ${scheme.slice(0, 32)}://. ${hint}`
  }
  const hosts = /:\/\/(?:[^/?#]*@)?([^/?#]*)/.exec(text)?.[1] ?? ''
  if (/,|%2c/i.test(hosts)) return SEVERAL_HOSTS
  const url = parse(text)
  if (url === null) return `cannot be parsed as a URL. Check the port. ${ENCODE}`
  // A `/`, `#` or `?` in the password ends the host early, and the driver would connect to a piece of the password.
  if (/@/.test(url.pathname + url.hash) || /^\?[^=]*@/.test(url.search))
    return `has an @ after the host. ${ENCODE}`
  const { searchParams } = url
  return addressMistake(
    Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name).join(',')])),
  )
}

/**
 * Finds what leads the driver to another server than the operator means: lists of hosts, which only libpq has, and
 * parameters of libpq that the driver ignores.
 * @param config the parameters of a URL, or a config of the driver
 * @returns as {@link connectionStringMistake}
 */
export function addressMistake(config: Readonly<Record<string, unknown>>): string | null {
  const given = (name: string): string => String(config[name] ?? '')
  if (/,/.test(given('host') + given('port'))) return SEVERAL_HOSTS
  const ignored = Object.keys(IGNORED).find((name) => !['', ...(HARMLESS[name] ?? [])].includes(given(name)))
  if (ignored === undefined) return null
  return `has \`${ignored}\`, which the driver ignores. ${IGNORED[ignored]}`
}

/** As the driver parses it: it encodes spaces and takes a URL without a host, for a socket. */
export function parse(text: string): URL | null {
  const encoded = text.replaceAll(' ', '%20')
  for (const candidate of [encoded, encoded.replace('@/', '@localhost/')]) {
    if (URL.canParse(candidate)) return new URL(candidate)
  }
  return null
}
