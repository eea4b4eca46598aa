import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const { PATH = '' } = process.env

/** The path of the first of these programs that this machine has, in `PATH` or at an absolute path. */
export function findProgram(names: readonly string[], elsewhere: readonly string[] = []): string | undefined {
  const inPath = PATH.split(delimiter).flatMap((directory) => names.map((name) => join(directory, name)))
  return [...inPath, ...elsewhere].find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
