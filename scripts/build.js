// Builds dist/ with the compiler alone: what ships is the source without its types.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'

rmSync('dist', { recursive: true, force: true })
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
// The client apart: it is compiled with the browser's types, and nothing else is.
for (const project of [['tsconfig.build.json'], ['tsconfig.client.json', '--noEmit', 'false']])
  execFileSync(process.execPath, [compiler, '-p', ...project], { stdio: 'inherit' })
chmodSync('dist/cli/main.js', 0o755)
