import { describe, expect, it } from 'vitest'
import { CONSOLE_OPTIONS } from '../../src/console/option-table.ts'
import { SESSIONS_OPTIONS } from '../../src/core/options/option-table.ts'
import { HTTP_OPTIONS, REQUIRE_OPTIONS } from '../../src/http/options/option-table.ts'
import type { Option, OptionTable } from '../../src/portable/options/option.ts'
import { resolveTable } from '../../src/portable/options/resolve-table.ts'
import { POSTGRES_OPTIONS } from '../../src/postgres/option-table.ts'
import { SUPERTOKENS_OPTIONS } from '../../src/supertokens/option-table.ts'
import { VERIFIER_OPTIONS } from '../../src/verify/option-table.ts'
import { coded } from '../support/errors.ts'

// `secrets.test.ts` checks `secret`, which no table describes.
const { secret: _, ...DESCRIBED } = SESSIONS_OPTIONS
const TABLES: Readonly<Record<string, OptionTable>> = {
  createSessions: DESCRIBED,
  postgres: POSTGRES_OPTIONS,
  'an adapter': HTTP_OPTIONS,
  'a guard': REQUIRE_OPTIONS,
  createVerifier: VERIFIER_OPTIONS,
  supertokens: SUPERTOKENS_OPTIONS,
  sessionsConsole: CONSOLE_OPTIONS,
}

/** All options with their paths, groups and their members alike. */
const optionsOf = (table: OptionTable, path = ''): [string, Option][] =>
  Object.entries(table).flatMap(([name, option]) => [
    [path + name, option],
    ...optionsOf(option.value.group ?? {}, `${path}${name}.`),
  ])

describe.each(Object.entries(TABLES))('the options of %s', (_name, table) => {
  it.each(optionsOf(table))('%s does not become its default when it is null or empty', (path, option) => {
    const resolve = (value: unknown) => () => resolveTable({ [path]: option }, { [path]: value })
    const refused = coded('ERR_INVALID_OPTIONS', { option: path }) as Error
    expect(resolve('')).toThrow(refused)
    if (/\bnull\b/.test(option.value.takes)) expect(resolve(null)()).toStrictEqual({ [path]: null })
    else expect(resolve(null)).toThrow(refused)
  })
})
