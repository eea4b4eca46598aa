import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The path of a program beside the module at `from`, compiled if that is. */
export function programOf(name: string, from: string): string {
  return fileURLToPath(new URL(name + extname(from), from))
}
