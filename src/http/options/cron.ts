import { InvalidOptionsError } from '../../portable/errors.ts'
import { check } from '../../portable/options/check.ts'
import type { OptionValue } from '../../portable/options/option.ts'
import { resolveTable } from '../../portable/options/resolve-table.ts'

const SECRET = '16 to 255 visible ASCII characters without spaces, which the cron sends as a header'

/** The option `cron`. Resolves to the secret. */
export function cron(): OptionValue {
  return {
    takes: `\`{ secret }\`, ${SECRET}`,
    check: (option, value) =>
      resolveTable<{ secret: string }>({ secret: { value: secret(), required: true } }, value, option).secret,
  }
}

/** Errors do not repeat it. A variable that is not set is an error, too: rows would stay for ever. */
function secret(): OptionValue {
  return {
    takes: SECRET,
    check(option, value) {
      if (typeof value !== 'string') return check.fail(option, value, SECRET)
      if (/^[\x21-\x7e]{16,255}$/.test(value)) return value
      throw new InvalidOptionsError(option, `option \`${option}\` takes ${SECRET}; it got another text`)
    },
  }
}
