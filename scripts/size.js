// What pawl/client weighs in a page: bundled, minified and compressed. It has a budget, and so has pawl/client/bind.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const BUDGET = 4000
/** What `pawl/client/bind` may add. */
const BIND_BUDGET = 1600
const ENTRY = 'src/client/index.ts'

const all = await weigh(`export * from './${ENTRY}'`)
const parts = {
  'createSessionClient alone': await weigh(`export { createSessionClient } from './${ENTRY}'`),
  'with attachFetch': await weigh(`export { createSessionClient, attachFetch } from './${ENTRY}'`),
  'with pawl/client/xhr': await weigh(
    `export { createSessionClient } from './${ENTRY}'; export * from './src/client/attach-xhr.ts'`,
  ),
  'with pawl/client/axios': await weigh(
    `export { createSessionClient } from './${ENTRY}'; export * from './src/client/attach-axios.ts'`,
  ),
  'with pawl/client/bind': await weigh(
    `export { createSessionClient } from './${ENTRY}'; export * from './src/client/bind/index.ts'`,
  ),
  'with pawl/client/native': await weigh(
    `export { createSessionClient } from './${ENTRY}'; export * from './src/client/native/index.ts'`,
  ),
  'all of pawl/client': all,
}
for (const [name, { minified, compressed }] of Object.entries(parts))
  print(`${name.padEnd(26)} ${minified} bytes, compressed ${compressed}`)
const bound = parts['with pawl/client/bind'].compressed - parts['createSessionClient alone'].compressed
print(`budget ${BUDGET}, pawl/client/bind alone ${bound} of ${BIND_BUDGET}`)
if (all.compressed > BUDGET || bound > BIND_BUDGET) process.exitCode = 1

/** @param {string} contents of a module that uses the entry */
async function weigh(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: '.' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  })
  const [{ contents: code }] = outputFiles
  return { minified: code.byteLength, compressed: gzipSync(code, { level: 9 }).byteLength }
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`)
}
