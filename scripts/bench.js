// Compiles bench/ and runs one of its programs. Compiling at run time would distort the measurements.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const BENCH = fileURLToPath(new URL('../bench/', import.meta.url))
const OUT = `${BENCH}.js`
const [program, ...args] = process.argv.slice(2)
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const run = (command, args, options = {}) => execFileSync(command, args, { stdio: 'inherit', ...options })

run(process.execPath, ['scripts/build.js'])

// The first run installs the libraries to compare with.
const { dependencies } = JSON.parse(readFileSync(`${BENCH}package.json`, 'utf8'))
if (!Object.keys(dependencies).every((name) => existsSync(`${BENCH}node_modules/${name}`))) {
  process.stderr.write('Installing the libraries to compare with: npm ci --prefix bench\n')
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: BENCH, shell: process.platform === 'win32' })
}
if (!existsSync(`${BENCH}node_modules/pawl`)) symlinkSync('../..', `${BENCH}node_modules/pawl`, 'junction')

rmSync(OUT, { recursive: true, force: true })
run(process.execPath, [compiler, '-p', BENCH])

const child = spawn(process.execPath, [`${OUT}/bench/${program}.js`, ...args], {
  cwd: BENCH,
  stdio: 'inherit',
})
// Ctrl-C signals both processes. The program cleans up, and this one passes its exit code on.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill())
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
