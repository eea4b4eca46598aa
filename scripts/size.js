// What pawl/client weighs in a page: bundled, minified and compressed. It has a budget, and so have pawl/client/bind, and the
// styles and the script of the console. Its whole pages are in test/console.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const BUDGET = 4000
/** What `pawl/client/bind` may add. */
const BIND_BUDGET = 1600
/** What a browser loads once for all pages of the console, in bytes. */
const CONSOLE_BUDGET = 8000
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
const page = await weighConsole()
print(`styles and script of the console ${page} of ${CONSOLE_BUDGET}`)
if (all.compressed > BUDGET || bound > BIND_BUDGET || page > CONSOLE_BUDGET) process.exitCode = 1

/** The console serves them as texts. */
async function weighConsole() {
  const contents = `export { SCRIPT } from './src/console/assets/script.ts'
    export { STYLES } from './src/console/assets/styles.ts'`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: '.' },
    bundle: true,
    format: 'esm',
    write: false,
  })
  const texts = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  )
  return Object.values(texts).reduce((sum, text) => sum + gzipSync(text, { level: 9 }).byteLength, 0)
}

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
