// Builds dist/: the compiler writes the types and the client, and esbuild the rest, as a few chunks that load fast.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { relative } from 'node:path/posix'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
// The client apart, with the browser's types, and what verifies elsewhere with a worker's: neither knows Node.
const projects = [
  ['tsconfig.build.json', '--emitDeclarationOnly'],
  // The client stays as it is: a page loads few of its files.
  ['tsconfig.client.json', '--noEmit', 'false'],
  ['tsconfig.verify.json', '--noEmit', 'false', '--emitDeclarationOnly'],
]
for (const project of projects)
  execFileSync(process.execPath, [compiler, '-p', ...project], { stdio: 'inherit' })

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
const mains = Object.values(exports).flatMap((entry) => entry.default ?? [])
const bundled = ['./dist/cli/main.js', ...mains.filter((main) => !main.startsWith('./dist/client/'))].map(
  (main) => resolve(main.replace(/^\.\/dist\/(.+)\.js$/, 'src/$1.ts')),
)

// esbuild makes a chunk for each set of entry points that share modules. Many small chunks load more slowly than one large
// chunk, so every entry point but `pawl/verify` reaches all modules of the server. Those of `pawl/postgres` stay apart: a
// bundler would look for the packages of its drivers. The last two are what a store and the console share.
const SERVER = [
  'index.ts',
  'adapters/express/index.ts',
  'adapters/fetch/index.ts',
  'core/inspection.ts',
  'portable/release.ts',
]
const isServer = (path) => bundled.includes(path) && !/[\\/]verify[\\/]/.test(path)
const oneChunk = {
  name: 'one-chunk',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:index|main)\.ts$/ }, ({ path }) => {
      if (!isServer(path)) return undefined
      const imports = SERVER.map((file) => `import ${JSON.stringify(resolve('src', file))}\n`)
      return { contents: readFileSync(path, 'utf8') + imports.join(''), loader: 'ts' }
    })
  },
}

await build({
  entryPoints: bundled,
  plugins: [oneChunk],
  // `sideEffects: false` would drop these imports.
  ignoreAnnotations: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  packages: 'external',
  // The one package that becomes part of the console, with its license: nobody installs it for the rest of Pawl.
  alias: { bowser: resolve('node_modules/bowser/bowser.mjs') },
  outbase: 'src',
  outdir: 'dist',
  // `core/start/call-site.ts` knows this name.
  chunkNames: 'chunks/pawl-[hash]',
  // The paths of tsconfig.json are for tests.
  tsconfigRaw: { compilerOptions: { target: 'es2022', verbatimModuleSyntax: true } },
  // Not minified: stack traces show the names of the source.
  logLevel: 'warning',
})
chmodSync('dist/cli/main.js', 0o755)
copyFileSync('node_modules/bowser/LICENSE', 'dist/console/bowser.LICENSE')

// Metro up to React Native 0.78 and Parcel do not read `exports`: they find `pawl/client` by a folder of that name.
const portable = Object.entries(exports).filter(([, { default: main }]) =>
  /^\.\/dist\/(client|verify)\//.test(main),
)
for (const [entry] of portable) rmSync(entry, { recursive: true, force: true })
for (const [entry, { default: main, types }] of portable) {
  mkdirSync(entry, { recursive: true })
  const manifest = { main: relative(entry, main), types: relative(entry, types) }
  writeFileSync(`${entry}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`)
}
