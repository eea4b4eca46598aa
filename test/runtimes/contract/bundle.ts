import { join } from 'node:path'
import { build } from 'esbuild'

/** The entry points that the contract imports from `src`, by which part of the package has them. */
const ENTRIES: Readonly<Record<string, string>> = {
  'src/index.ts': 'pawl',
  'src/memory/index.ts': 'pawl/memory',
  'src/postgres/index.ts': 'pawl/postgres',
}

/** Bundles the contract of the stores into one module, which imports Pawl from the installed package. */
export async function bundleContract(outfile: string): Promise<void> {
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, 'main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    external: ['pg'],
    alias: { vitest: join(import.meta.dirname, 'harness.ts') },
    metafile: true,
    logLevel: 'silent',
    plugins: [
      {
        name: 'installed-package',
        setup({ onResolve }) {
          onResolve({ filter: /\/index\.ts$/ }, ({ path, resolveDir }) => {
            const file = join(resolveDir, path).slice(process.cwd().length + 1)
            const entry = ENTRIES[file.replaceAll('\\', '/')]
            return entry === undefined ? undefined : { path: entry, external: true }
          })
        },
      },
    ],
  })
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
  for (const entry of ['pawl/memory', 'pawl/postgres'])
    if (!imported.includes(entry)) throw new Error(`The bundle does not import ${entry} from the package.`)
}
