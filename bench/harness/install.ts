import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'

const BENCH = new URL('../', import.meta.url)

/** The libraries to compare with are installed here, beside the benchmarks, when they are first needed. */
export async function installPeers(): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(new URL('package.json', BENCH), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const there = await Promise.all(
    Object.keys(dependencies).map((name) =>
      access(new URL(`node_modules/${name}`, BENCH)).then(
        () => true,
        () => false,
      ),
    ),
  )
  if (there.every(Boolean)) return
  console.error('The libraries to compare with are not installed yet: npm ci --prefix bench')
  const npm = spawn('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: BENCH,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  const [code] = await once(npm, 'exit')
  if (code !== 0) throw new Error(`npm ci failed (${code})`)
}
