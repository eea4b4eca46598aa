// Builds dist/ with the compiler alone: what ships is the source without its types.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { relative } from 'node:path/posix'

rmSync('dist', { recursive: true, force: true })
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
// The client apart, with the browser's types, and what verifies elsewhere with a worker's: neither knows Node.
const projects = [
  ['tsconfig.build.json'],
  ['tsconfig.client.json', '--noEmit', 'false'],
  ['tsconfig.verify.json', '--noEmit', 'false'],
]
for (const project of projects)
  execFileSync(process.execPath, [compiler, '-p', ...project], { stdio: 'inherit' })
chmodSync('dist/cli/main.js', 0o755)

// Metro up to React Native 0.78 and Parcel do not read `exports`: they find `pawl/client` by a folder of that name.
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
const portable = Object.entries(exports).filter(([, { default: main }]) =>
  /^\.\/dist\/(client|verify)\//.test(main),
)
for (const [entry] of portable) rmSync(entry, { recursive: true, force: true })
for (const [entry, { default: main, types }] of portable) {
  mkdirSync(entry, { recursive: true })
  const manifest = { main: relative(entry, main), types: relative(entry, types) }
  writeFileSync(`${entry}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`)
}
