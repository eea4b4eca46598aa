// A new process that answers one request of a signed-in user, and exits.
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { argument } from '../harness/processes.ts'
import { HOST, listen, type Surroundings } from './contender.ts'
import { SERVERS } from './index.ts'

const [name, surroundings, cookie] = [argument<string>(0), argument<Surroundings>(1), argument<string>(2)]
const { listener } = await SERVERS[name]!(surroundings)
const { port } = await listen(listener)
const options = { host: '127.0.0.1', port, path: '/me', headers: { host: HOST, cookie } }
get(options, async (res) => {
  const body = await text(res)
  // Milliseconds since the process started.
  const elapsed = performance.now()
  if (res.statusCode !== 200) throw new Error(`${name} answered ${res.statusCode}: ${body}`)
  process.send!(elapsed, () => process.exit())
})
