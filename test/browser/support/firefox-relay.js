#!/usr/bin/env node
// Starts Firefox in place of Playwright's `executablePath`, and relays the WebDriver BiDi messages between the two.
// Playwright sets up each context with commands of the module `emulation`, some of which Firefox ESR does not know yet.
// The relay answers for Firefox that they succeeded: the tests do not depend on them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'

const LISTENING = /WebDriver BiDi listening on (ws:\/\/\S+)/

const firefox = spawn(process.env.PAWL_FIREFOX ?? 'firefox-esr', process.argv.slice(2), {
  stdio: ['ignore', 'inherit', 'pipe'],
})
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => firefox.kill(signal))
process.on('exit', () => firefox.kill('SIGKILL'))
firefox.on('error', fail)
firefox.on('exit', (code) => process.exit(code ?? 1))

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
await once(server, 'listening')
const { port } = server.address()

let output = ''
firefox.stderr.setEncoding('utf8')
firefox.stderr.on('data', (text) => {
  // The line may arrive in pieces.
  output += text
  const lines = output.split('\n')
  output = lines.pop()
  for (const line of lines) {
    const address = LISTENING.exec(line)?.[1]
    if (address !== undefined) server.on('connection', (client, { url }) => relay(client, address + url))
    process.stderr.write(`${line.replace(LISTENING, `WebDriver BiDi listening on ws://127.0.0.1:${port}`)}\n`)
  }
})

/** Connects Playwright with Firefox. */
function relay(client, address) {
  const browser = new WebSocket(address)
  const opened = once(browser, 'open')
  opened.catch(fail)
  /** The ids of commands that Firefox may not know. */
  const emulation = new Set()
  client.on('message', async (message) => {
    const text = String(message)
    const { id, method } = JSON.parse(text)
    if (method.startsWith('emulation.')) emulation.add(id)
    await opened
    browser.send(text)
  })
  browser.on('message', (message) => {
    const text = String(message)
    const { id, error } = JSON.parse(text)
    const unknown = emulation.delete(id) && error === 'unknown command'
    client.send(unknown ? JSON.stringify({ type: 'success', id, result: {} }) : text)
  })
  client.on('close', () => browser.close())
  browser.on('close', () => client.close())
}

function fail(error) {
  process.stderr.write(`${error}\n`)
  process.exit(1)
}
