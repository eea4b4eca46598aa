// Writes test/wycheproof/vectors.json from a clone of Wycheproof: npm run vectors -- ../wycheproof && npm run format
import { isUtf8 } from 'node:buffer'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TARGET = 'test/wycheproof/vectors.json'

const [clone] = process.argv.slice(2)
if (clone === undefined) throw new Error('Name the folder of a clone of Wycheproof.')
const commit = execFileSync('git', ['-C', clone, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()

const vectors = {
  source: `https://github.com/C2SP/wycheproof/tree/${commit}/testvectors_v1`,
  license: 'Apache-2.0, in the file LICENSE of this folder',
  changes: [
    'jws: the groups of json_web_signature_test.json with a secret or a P-256 key, without the private keys.',
    'ed25519: the tests of ed25519_test.json whose message is UTF-8 text. Signatures are base64url.',
    'Flags and notes are left out.',
  ],
  jws: read('json_web_signature_test.json').flatMap(jwsGroup),
  ed25519: read('ed25519_test.json').flatMap(ed25519Group),
}
writeFileSync(TARGET, `${JSON.stringify(vectors, null, 2)}\n`)

/** @param {string} file */
function read(file) {
  return JSON.parse(readFileSync(join(String(clone), 'testvectors_v1', file), 'utf8')).testGroups
}

/** @param {Record<string, any>} group */
function jwsGroup({ comment, private: secret, public: key = secret, tests }) {
  if (key.kty !== 'oct' && key.crv !== 'P-256') return []
  return { comment, key, tests: tests.map(jwsTest) }
}

/** @param {Record<string, any>} test */
function jwsTest({ tcId, comment, result, jws }) {
  return { tcId, comment, result, jws }
}

/** @param {Record<string, any>} group */
function ed25519Group({ publicKeyJwk: { kty, crv, x }, tests }) {
  const usable = tests.flatMap(ed25519Test)
  return usable.length === 0 ? [] : { key: { kty, crv, x }, tests: usable }
}

/** Pawl signs text only. @param {Record<string, any>} test */
function ed25519Test({ tcId, comment, result, msg, sig }) {
  const message = Buffer.from(msg, 'hex')
  if (!isUtf8(message)) return []
  return {
    tcId,
    comment,
    result,
    input: message.toString(),
    signature: Buffer.from(sig, 'hex').toString('base64url'),
  }
}
