import { fileURLToPath } from 'node:url'

/** Where this code is inside the package: `scripts/build.js` names the chunks. A bundle of the application has it elsewhere. */
const OWN_PLACE =
  /(?<=[\\/](?:src|dist)[\\/])(?:core[\\/]start[\\/]call-site\.ts|chunks[\\/]pawl-[0-9A-Z]{8}\.js)$/

const ownFile = filesOf(new Error().stack)[0] ?? null
const isBundled = ownFile === null || !OWN_PLACE.test(ownFile)

/** The folder of this copy of the package, or the file of the bundle that holds it; null if V8 does not tell. */
export const packagePath: string | null = isBundled
  ? ownFile
  : ownFile.replace(OWN_PLACE, '').replace(/[\\/](?:src|dist)[\\/]$/, '')

/** Where the application called Pawl. */
export interface CallSite {
  /** A path without a query, which stays the same when a dev server loads the module again. */
  readonly file: string
  /** As the module loader names the module, with its query. */
  readonly module: string
}

/** @returns null if V8 does not tell, or if Pawl and the application are in one bundle */
export function callSite(): CallSite | null {
  if (isBundled) return null
  const module = filesOf(new Error().stack).find((file) => !withoutQuery(file).startsWith(sourceFolder))
  return module === undefined ? null : { file: withoutQuery(module), module }
}

const sourceFolder = isBundled ? '' : ownFile.replace(OWN_PLACE, '')

/** The files of the frames of a stack trace, the innermost first. */
function filesOf(stack: string | undefined): string[] {
  return (stack ?? '').split('\n').flatMap((line) => {
    const frame = /^\s+at (?:async )?(.+)$/.exec(line)?.[1]
    if (frame === undefined) return []
    // A path may contain parentheses, and the name of a function comes before the first one.
    const place = frame.endsWith(')') ? frame.slice(frame.indexOf(' (') + 2, -1) : frame
    const file = /^(.+):\d+:\d+$/.exec(place)?.[1]
    return file === undefined || /^(?:node:|<|eval at )/.test(file) ? [] : [toPath(file)]
  })
}

function toPath(file: string): string {
  if (!file.startsWith('file:') || !URL.canParse(file)) return file
  const { search, hash } = new URL(file)
  return fileURLToPath(new URL(file)) + search + hash
}

function withoutQuery(file: string): string {
  return file.replace(/[?#].*$/, '')
}
