import { ENGINE } from '../engine.ts'
import { packagePath } from './call-site.ts'

/** What every copy of the package writes on its sessions, so that other copies can name it. */
export interface CopyMark {
  /** The folder or bundle of the copy. */
  readonly path: string | null
  /** Counts the calls of `createSessions` of the copy. */
  readonly number: number
}

/** The same in every copy of the package, unlike `ENGINE`. */
export const COPY: unique symbol = Symbol.for('pawl.copy')

let made = 0

/** How many sessions this copy has begun to make so far. */
export function madeSoFar(): number {
  return made
}

export function createMark(): CopyMark {
  return { path: packagePath, number: ++made }
}

/** Why sessions of another copy cannot be used; null for anything but those. */
export function describeOtherCopy(value: object): string | null {
  // Releases without a mark have the symbol, too.
  if (!Object.getOwnPropertySymbols(value).some(({ description }) => description === ENGINE.description))
    return null
  const { path } = (value as { readonly [COPY]?: CopyMark })[COPY] ?? {}
  const [ours, theirs] = [packagePath ?? 'an unknown place', path ?? 'an unknown place']
  return ours === theirs
    ? `sessions of a second load of the same package at ${ours}: load it once, not also through a bundler, a test runner or \`require\``
    : `sessions of another copy of the package: they were made by ${theirs}, and the adapter is from ${ours}. Install one copy (\`npm ls pawl\`), and keep the package out of the bundles of a server (in Next.js: \`serverExternalPackages: ['pawl']\`)`
}
