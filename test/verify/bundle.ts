import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export interface Bundle {
  readonly code: string
  /** The bundled files, relative to the repository. */
  readonly inputs: readonly string[]
}

/** Bundles a module for a runtime without Node. */
export async function bundleForEdge(entry: URL, define: Record<string, string> = {}): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    define,
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  return { code: outputFiles[0]!.text, inputs: Object.keys(metafile.inputs) }
}
