import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import workerd from 'workerd'

const config = (compatibilityDate: string): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "${compatibilityDate}",
);
`

/** Runs a Worker in Cloudflare's runtime on this machine until the test ends. @returns its origin */
export async function startWorker(code: string, compatibilityDate: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pawl-workerd-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'worker.js'), code)
  await writeFile(join(directory, 'config.capnp'), config(compatibilityDate))
  const child = spawn(workerd, ['serve', 'config.capnp', '--control-fd=3'], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  onTestFinished(async () => {
    const gone = child.exitCode !== null || once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, port } = JSON.parse(line) as { event: string; port: number }
    if (event === 'listen') return `http://127.0.0.1:${port}`
  }
  throw new Error('workerd ended before it listened')
}
