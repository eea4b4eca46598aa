import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** A program in one file. Twenty processes that each compile their own source start too slowly. */
export interface Bundle {
  readonly path: string
  remove(): Promise<void>
}

interface Esbuild {
  build(options: object): Promise<unknown>
}

/** @param entry a TypeScript file or its compiled JavaScript */
export async function bundle(entry: URL): Promise<Bundle> {
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
    })
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw error
  }
  return { path: outfile, remove: () => rm(directory, { recursive: true, force: true }) }
}
