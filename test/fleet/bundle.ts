import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** A program in one file. Twenty processes that each compile their own source start too slowly. */
export interface Bundle {
  readonly path: string
  remove(): Promise<void>
}

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

interface Resolution {
  onResolve(
    options: { readonly filter: RegExp },
    resolve: (found: {
      readonly path: string
      readonly resolveDir: string
    }) => { readonly path: string } | null,
  ): void
}

/** An esbuild plugin. Imports within the other sources are relative, so only those of the program are replaced. */
function replaceSources(sources: string): object {
  return {
    name: 'sources',
    setup: ({ onResolve }: Resolution) =>
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const name = relative(SOURCES, join(resolveDir, path))
        return name.startsWith('..') ? null : { path: join(sources, name) }
      }),
  }
}

interface Esbuild {
  build(options: object): Promise<unknown>
}

/**
 * @param entry a TypeScript file or its compiled JavaScript
 * @param sources the folder that takes the place of `src`: another release
 */
export async function bundle(entry: URL, sources?: string): Promise<Bundle> {
  const require = createRequire(import.meta.url)
  // The esbuild that `tsx` depends on.
  const path = createRequire(require.resolve('tsx')).resolve('esbuild')
  const { build } = (await import(pathToFileURL(path).href)) as Esbuild
  // Below `node_modules`, so that the bundle can import packages.
  const packages = join(dirname(require.resolve('tsx/package.json')), '..')
  const directory = await mkdtemp(join(packages, '.pawl-fleet-'))
  const outfile = join(directory, 'member.mjs')
  try {
    await build({
      entryPoints: [fileURLToPath(entry)],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'silent',
      plugins: sources === undefined ? [] : [replaceSources(sources)],
    })
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw error
  }
  return { path: outfile, remove: () => rm(directory, { recursive: true, force: true }) }
}
