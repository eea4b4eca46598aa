import { readFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'

/** What the figures were measured on. */
export async function machine(): Promise<Record<string, string | number>> {
  const manifest = JSON.parse(await readFile('../package.json', 'utf8'))
  return {
    date: new Date().toISOString().slice(0, 10),
    pawl: manifest.version,
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${process.arch}`,
  }
}
