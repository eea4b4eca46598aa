// Builds dist/ with the compiler alone: what ships is the source without its types.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'

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
