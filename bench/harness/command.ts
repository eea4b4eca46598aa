import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { createDatabases, type Databases } from './databases.ts'

/** Runs a command that needs databases. Removes them afterwards, also after an error, SIGINT or SIGTERM. */
export async function withDatabases(
  run: (databases: Databases, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stopped = new AbortController()
  const stop = (name: NodeJS.Signals): void => stopped.abort(new Error(`Stopped by ${name}.`))
  // A second signal ends the process at once.
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const databases = createDatabases()
  try {
    await run(databases, stopped.signal)
  } catch (error) {
    process.exitCode = 1
    console.error(stopped.signal.aborted ? (stopped.signal.reason as Error).message : error)
  } finally {
    await databases.remove()
  }
}

/** Resolves a path of the command line against the directory where the user typed it, not against `bench/`. */
export function pathOf(given: string | undefined, byDefault: string): string {
  return given === undefined ? resolve(byDefault) : resolve(process.env['INIT_CWD'] ?? '.', given)
}

/** Writes figures as JSON, with a description of the machine. */
export async function writeReport(path: string, content: object): Promise<void> {
  const { version } = JSON.parse(await readFile('../package.json', 'utf8'))
  const machine = {
    date: new Date().toISOString().slice(0, 10),
    pawl: version,
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${process.arch}`,
  }
  await writeFile(path, `${JSON.stringify({ ...machine, ...content }, null, 2)}\n`)
  console.log(`Wrote ${path}`)
}
