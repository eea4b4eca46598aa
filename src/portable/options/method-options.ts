/**
 * Checks the options of a method. A misspelled name would silently have no effect: `revokeUser(id, { excpet })` would end
 * the session that it should keep.
 * @returns the options, an empty object if none were given
 * @throws TypeError for anything but an object with these names
 */
export function methodOptions<Options extends object>(
  method: string,
  given: Options | undefined,
  ...names: readonly (keyof Options & string)[]
): Options {
  if (given === undefined) return {} as Options
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`\`${method}\` takes an object with ${names.join(', ')}`)
  for (const name of Object.keys(given)) {
    if (!(names as readonly string[]).includes(name))
      throw new TypeError(
        `\`${method}\` does not take \`${name.slice(0, 64)}\`. It takes ${names.join(', ')}.`,
      )
  }
  return given
}
