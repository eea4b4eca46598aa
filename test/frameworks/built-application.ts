import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { freePort } from '../../demo/embedded-postgres.ts'
import { until } from '../fleet/until.ts'
import { createFolder, install } from '../support/packed-package.ts'
import { filesOf, type Recipe } from './recipe.ts'

/** What the frameworks require. */
const NODE = [24, 11] as const

/** The folder of a Node.js that is new enough: the running one, or one that npm installs. */
export async function installNode(): Promise<string> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return dirname(process.execPath)
  const folder = await createFolder('node')
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await install(folder, [`node@${NODE[0]}`])
  return join(folder, 'node_modules/node/bin')
}

/** An application of `test/frameworks/apps`, with the code of its recipe. */
export interface BuiltApplication {
  /** How many connections the build made to where PostgreSQL usually is. */
  readonly connections: number
  /** Starts the built server. @returns its origin */
  start(parameters: readonly string[], environment: Readonly<Record<string, string>>): Promise<string>
}

/** Installs and builds an application in a folder of its own, without any setting for Pawl. */
export async function buildApplication(
  {
    name,
    recipe,
    build,
  }: { readonly name: string; readonly recipe: Recipe; readonly build: readonly string[] },
  { archive, node }: { readonly archive: string; readonly node: string },
): Promise<BuiltApplication> {
  const folder = await createFolder(name)
  await cp(join(import.meta.dirname, 'apps', name), folder, { recursive: true })
  for (const { path, code } of await filesOf(recipe)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), code)
  }
  const environment = environmentWith(node)
  await install(folder, [archive], environment)

  const database = createServer().listen(0, '127.0.0.1')
  await once(database, 'listening')
  let connections = 0
  database.on('connection', (socket) => {
    connections++
    socket.destroy()
  })
  const { port } = database.address() as AddressInfo
  try {
    await promisify(execFile)('npx', ['--no-install', ...build], {
      cwd: folder,
      env: { ...environment, NODE_ENV: 'production', PGHOST: '127.0.0.1', PGPORT: String(port) },
      maxBuffer: 2 ** 26,
    })
  } finally {
    database.close()
  }

  return {
    connections,
    async start(parameters, given) {
      const origin = `http://localhost:${await freePort()}`
      const child = spawn(join(node, 'node'), parameters, {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...environment,
          ...given,
          NODE_ENV: 'production',
          ORIGIN: origin,
          HOST: 'localhost',
          PORT: new URL(origin).port,
        },
      })
      onTestFinished(() => stop(child))
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => (output += String(chunk)))
      await until(`${name} answers`, 60_000, async () => {
        if (child.exitCode !== null) throw new Error(`${name} exited:\n${output}`)
        return await fetch(origin).then(
          () => true,
          () => false,
        )
      })
      return origin
    },
  }
}

function environmentWith(node: string): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, PATH: `${node}${delimiter}${process.env['PATH']}` }
  for (const variable of Object.keys(environment))
    if (/^(?:DATABASE_URL|PAWL_|PG|VITEST|NODE_ENV$|NODE_OPTIONS$|npm_)/.test(variable))
      delete environment[variable]
  return { ...environment, ASTRO_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1' }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
