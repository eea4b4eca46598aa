// Runs a program of bench/. Compiled, as users run Pawl: a loader that compiles on the way changes what is measured.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const HOME = fileURLToPath(new URL('../bench/', import.meta.url))
const OUT = `${HOME}.js`
const [program, ...args] = process.argv.slice(2)
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const run = (command, given, options = {}) => execFileSync(command, given, { stdio: 'inherit', ...options })

run(process.execPath, ['scripts/build.js'])

// The libraries to compare with are installed beside the benchmarks, when they are first needed.
const { dependencies } = JSON.parse(readFileSync(`${HOME}package.json`, 'utf8'))
if (!Object.keys(dependencies).every((name) => existsSync(`${HOME}node_modules/${name}`))) {
  process.stderr.write('The libraries to compare with are not installed yet: npm ci --prefix bench\n')
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HOME, shell: process.platform === 'win32' })
}
if (!existsSync(`${HOME}node_modules/pawl`)) symlinkSync('../..', `${HOME}node_modules/pawl`, 'junction')

rmSync(OUT, { recursive: true, force: true })
run(process.execPath, [compiler, '-p', HOME])

const child = spawn(process.execPath, [`${OUT}/bench/${program}.js`, ...args], {
  cwd: HOME,
  stdio: 'inherit',
})
// Ctrl-C reaches both; the program cleans up, and what came of it is passed on.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill())
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
