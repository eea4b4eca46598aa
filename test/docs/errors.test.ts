import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { problemOf } from '../../src/http/problem.ts'
import * as errors from '../../src/portable/errors.ts'

const PAGE = readFileSync('docs/reference/errors.md', 'utf8')

/** The rows of the table, without the link around a code. An error in several forms has several rows. */
const ROWS = PAGE.split('<!-- errors -->')[1]!
  .split('<!-- /errors -->')[0]!
  .split('\n')
  .filter((line) => line.startsWith('| `ERR_') || line.startsWith('| [`ERR_'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

/** Every form of every error in the order of the table. A new code does not compile until it is listed. */
const FORMS: { readonly [Code in errors.SessionsErrorCode]: readonly errors.AnySessionsError[] } = {
  ERR_NOT_SIGNED_IN: [new errors.NotSignedInError()],
  ERR_ACCESS_TOKEN_EXPIRED: [new errors.AccessTokenExpiredError('expired')],
  ERR_ACCESS_TOKEN_INVALID: [new errors.AccessTokenInvalidError()],
  ERR_SESSION_ENDED: [
    new errors.SessionEndedError('an id', 'revoked'),
    new errors.SessionEndedError('an id', 'replaced'),
    new errors.SessionEndedError('an id', 'device'),
  ],
  ERR_SESSION_OUTDATED: [new errors.SessionOutdatedError('an id', 'claims.tenant')],
  ERR_REFRESH_TOKEN_INVALID: [new errors.RefreshTokenInvalidError()],
  ERR_REFRESH_TOKEN_REUSED: [new errors.RefreshTokenReusedError('an id', 'a user')],
  ERR_DEVICE_PROOF_REQUIRED: [
    new errors.DeviceProofRequiredError(null, null, 'refresh'),
    new errors.DeviceProofRequiredError(null, null, 'request'),
  ],
  ERR_DEVICE_REQUIRED: [new errors.DeviceRequiredError()],
  ERR_DEVICE_MISMATCH: [new errors.DeviceMismatchError()],
  ERR_RECENT_AUTH_REQUIRED: [new errors.RecentAuthRequiredError(300)],
  ERR_ACTING_REFUSED: [new errors.ActingRefusedError()],
  ERR_SESSION_LIMIT: [new errors.SessionLimitError('a user')],
  ERR_HANDOFF_REFUSED: [new errors.HandoffRefusedError('used')],
  ERR_CSRF_REJECTED: [new errors.CsrfRejectedError('origin')],
  ERR_TRY_AGAIN: [new errors.TryAgainError()],
  ERR_STORE_UNAVAILABLE: [new errors.StoreUnavailableError('a message')],
  ERR_SECRET_UNKNOWN: [new errors.SecretUnknownError()],
  ERR_SCHEMA_OUTDATED: [new errors.SchemaOutdatedError('a message')],
  ERR_INVALID_OPTIONS: [new errors.InvalidOptionsError('secret', 'a message')],
}
const CODES = Object.keys(FORMS) as errors.SessionsErrorCode[]

/** The cells that follow from the code: all but the words in the first and the last one. */
function answerOf(error: errors.AnySessionsError): readonly string[] {
  const problem = problemOf(error)
  if (problem === null) return ['none: at the start', '', '', '']
  const { status, body, final } = problem
  const refresh = body.refresh === undefined ? 'absent' : `\`${JSON.stringify(body.refresh)}\``
  return [`\`${body.code}\``, String(status), refresh, final ? 'cleared' : 'kept']
}

describe('docs/reference/errors.md', () => {
  it('lists every error with its response, in the order of the sections', () => {
    const listed = ROWS.map(([first, code, status, refresh, cookies]) => [
      /ERR_[A-Z_]+/.exec(first!)![0],
      code,
      status,
      refresh,
      cookies!.split(';')[0],
    ])
    const actual = CODES.flatMap((code) => FORMS[code].map((error) => [code, ...answerOf(error)]))
    expect(listed).toStrictEqual(actual)
  })

  it.each(CODES)('has a section on %s that names its class and a remedy', (code) => {
    const section = PAGE.split(/^#{2,3} /m).find((part) => part.startsWith(`\`${code}\`\n`))
    expect(section).toContain(`\`${FORMS[code][0]!.name}\``)
    expect(section).toContain('**Remedy**')
    const response = problemOf(FORMS[code][0]!)
    if (response !== null) expect(section).toContain(`${response.status} \`${response.body.code}\``)
  })

  it('names every exported class of errors', () => {
    const classes = Object.values(errors)
      .map((exported) => exported.name)
      .filter((name) => name.endsWith('Error') && name !== 'isSessionsError')
    expect(classes).toHaveLength(CODES.length + 1)
    expect(classes.filter((name) => !PAGE.includes(`\`${name}\``))).toStrictEqual([])
  })

  it('links from the table to its sections', () => {
    const targets = ROWS.flatMap(([first]) => /\(#(\w+)\)/.exec(first!)?.[1] ?? [])
    expect(targets).toStrictEqual(CODES.map((code) => code.toLowerCase()))
  })
})
