import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The packed package. */
    tarball: string
  }
}

/** Packs the package once, because `npm pack` builds `dist` anew under the other test files. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'pawl-tarball-'))
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--pack-destination', home])
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  project.provide('tarball', join(home, filename))
  return () => rm(home, { recursive: true, force: true })
}
