import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createEmbeddedPostgres } from '../demo/embedded-postgres.ts'

/**
 * `npm run example -- <name>` runs `main.ts` in the folder of that name. As in a deployment, the example reads its
 * settings from environment variables. By default DATABASE_URL is an embedded PostgreSQL and PORT is 3000. A database
 * that is deleted at the end has a new PAWL_SECRET each time, so that cookies of an earlier run are a visitor's.
 */
const HERE = import.meta.dirname
const EXAMPLES = readdirSync(HERE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(HERE, entry.name, 'main.ts')))
  .map(({ name }) => name)
  .sort()

const [name = '--help', ...rest] = process.argv.slice(2)
if (name === '--help' || name === '-h') {
  console.log(
    `npm run example -- <name>\n\nOne of: ${EXAMPLES.join(', ')}\n\nYou may set PORT (3000), and DATABASE_URL together with PAWL_SECRET.`,
  )
} else if (!EXAMPLES.includes(name) || rest.length > 0) {
  console.error(`There is no example '${[name, ...rest].join(' ')}'. Use one of: ${EXAMPLES.join(', ')}`)
  process.exitCode = 2
} else if (process.env['DATABASE_URL'] !== undefined && process.env['PAWL_SECRET'] === undefined) {
  console.error(
    'Set PAWL_SECRET too. Each run with the same DATABASE_URL needs the same secret: npx pawl secret',
  )
  process.exitCode = 2
} else {
  process.exitCode = await run(name)
}

async function run(example: string): Promise<number> {
  const embedded = process.env['DATABASE_URL'] === undefined ? await createEmbeddedPostgres() : null
  try {
    if (embedded !== null) {
      console.log('Starting an embedded PostgreSQL …')
      await embedded.start()
    }
    const tsconfig = join(HERE, example, 'tsconfig.json')
    const child = spawn(process.execPath, ['--import', 'tsx', join(HERE, example, 'main.ts')], {
      stdio: 'inherit',
      env: {
        PORT: '3000',
        ...process.env,
        ...(embedded !== null && {
          DATABASE_URL: embedded.url,
          PAWL_SECRET: randomBytes(32).toString('base64url'),
        }),
        ...(existsSync(tsconfig) && { TSX_TSCONFIG_PATH: tsconfig }),
      },
    })
    // Ctrl-C in a terminal reaches the example too. Signals of a process manager must be passed on.
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
    process.on('SIGINT', () => {})
    const [code] = await once(child, 'exit')
    return code ?? 1
  } finally {
    await embedded?.remove()
  }
}
