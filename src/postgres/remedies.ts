import { SEVERAL_HOSTS } from './connection-string.ts'
import { isForbidden, isLoginRefused, sqlState } from './sqlstate.ts'

const ADDRESS = 'Check DATABASE_URL and that the server is running.'
const NETWORK = 'Check DATABASE_URL, firewalls and that the server is running.'
const LOGIN = 'Check the user, password and database in DATABASE_URL.'
const TRUST =
  "Give the certificate authority that signed the server's certificate, as `ssl: { ca }` or `sslrootcert`."

/** By SQLSTATE or by the error code of Node.js. */
const BY_CODE: Readonly<Record<string, string>> = {
  '08006': 'If the server itself runs, one of the nodes that it distributes rows to is away. Check these.',
  '25006':
    'The server is a standby, or `default_transaction_read_only` is on. Connect to the primary, or set `readOnly: true` if this process only reads. After a failover Pawl connects again by itself if the address leads to the new primary.',
  '28P01': LOGIN,
  '3D000': 'Create the database, or correct its name in DATABASE_URL.',
  '53100': "The server's disk is full.",
  '53200': 'The server is out of memory.',
  '53300':
    "All processes together open more connections than the server, the database or the role allows. Lower `maxConnections` or your pool's `max`, use a pooler, or raise `max_connections`.",
  '55P03': "Check for long transactions on Pawl's tables.",
  '57014': "Check the server's load and its locks, or raise `statement_timeout` of the role or database.",
  '57P01': 'An administrator, a restart or a failover ended it. Pawl connects again by itself.',
  '57P02': "The server crashed and recovers. Pawl connects again by itself; see the server's log.",
  '57P03': 'The server is starting up, shutting down or recovering. Pawl connects again by itself.',
  ECONNREFUSED: ADDRESS,
  ENOENT: 'Check the path of the socket or certificate, and that the server is running.',
  EACCES: 'The user of this process may not open the socket or file.',
  ENOTFOUND: 'Check the host name in DATABASE_URL, and DNS.',
  EAI_AGAIN: 'Check the host name in DATABASE_URL, and DNS.',
  CERT_HAS_EXPIRED: "The server's certificate has expired: renew it.",
  CERT_NOT_YET_VALID: "The server's certificate is not valid yet: check the clocks.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The server's certificate is for another host name: connect by a name that it contains.",
  SELF_SIGNED_CERT_IN_CHAIN: TRUST,
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST,
  UNABLE_TO_GET_ISSUER_CERT: TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST,
}

/** For errors without a code, which the driver and its pool report by text alone, and for codes with several causes. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/getaddrinfo \w+ \S*,/, `This ${SEVERAL_HOSTS}`],
  [
    /is not yet accepting connections/,
    'The server is a standby that has not caught up yet, or it recovers from a backup. Connect to the primary, or wait: Pawl connects again by itself.',
  ],
  [
    /system is not accepting connections/,
    'The server is a standby whose setting `hot_standby` is off, so it cannot even be read. Connect to the primary.',
  ],
  [
    /timeout exceeded when trying to connect/,
    'The pool had no free connection in time. Raise `maxConnections` or `max` of your pool, and look for what holds its connections.',
  ],
  [/calling end on the pool/, 'The application has ended its pool. Close the sessions before the pool.'],
  [/CONNECTION_ENDED/, 'The application has ended its client of postgres.js. Close the sessions before it.'],
  [/PGlite is clos/, 'The application has closed its PGlite. Close the sessions before it.'],
  [
    /does not support SSL/,
    'The server offers no TLS: add `sslmode=disable` to the URL, or enable TLS there.',
  ],
  [
    /no encryption|SSL off|SSL.{0,40}required|insecure/i,
    'The server probably requires TLS: add `sslmode=verify-full` to the URL, or `ssl` to the options of your pool. Otherwise check `pg_hba.conf`, or the network rules of your provider.',
  ],
  [/password must be a string/i, 'No password was given for a role that needs one.'],
  [/row-level security/, 'Add a policy that lets the role of the application read and write all rows.'],
  [
    /unsupported startup parameter/,
    'The pooler refuses a setting of the connection. Leave it out of the options of your pool, or name it in `ignore_startup_parameters`.',
  ],
  [/Query read timeout/, "Check the server's load, its locks and the network."],
]

/** What usually helps, as a sentence. */
export function remedyFor(error: unknown): string {
  const message = String((error as { message?: unknown } | null)?.message ?? '')
  const byMessage = BY_MESSAGE.find(([pattern]) => pattern.test(message))
  if (byMessage !== undefined) return byMessage[1]
  const code = sqlState(error) ?? ''
  const byCode = BY_CODE[code]
  if (byCode !== undefined) return byCode
  if (code.startsWith('28000'))
    return `${LOGIN} Also check \`pg_hba.conf\`, or the network rules of your provider.`
  if (isLoginRefused(error)) return LOGIN
  if (isForbidden(error))
    return "Grant the role its rights; `npx pawl status` with the role's URL says which."
  if (code.startsWith('53')) return "Check the server's resources and its log."
  if (code.startsWith('40')) return "Check for long transactions on Pawl's tables."
  return NETWORK
}
