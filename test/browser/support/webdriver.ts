import { request } from 'node:http'
import { defer } from './defer.ts'
import { PATIENCE } from './engine.ts'

/** A session of a browser, by the WebDriver protocol (https://www.w3.org/TR/webdriver2/). */
export interface WebDriver {
  /** Runs a command in one window. Commands that take long do not hold up those of other windows. */
  inWindow<T>(handle: string, method: string, path: string, body?: object): Promise<T>
  /** Opens a tab. @returns its window handle */
  openWindow(): Promise<string>
}

/** Starts the one session that the driver at this port can have. */
export async function startSession(port: number, capabilities: object): Promise<WebDriver> {
  const { sessionId } = await send<{ sessionId: string }>(port, 'POST', '/session', {
    capabilities: {
      alwaysMatch: { timeouts: { script: PATIENCE, pageLoad: PATIENCE }, ...capabilities },
    },
  })
  const path = `/session/${sessionId}`
  // Stays open, because the browser ends with its last window.
  const home = await send<string>(port, 'GET', `${path}/window`)
  let current = home
  let queue: Promise<unknown> = Promise.resolve()
  let running = 0

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = queue.then(task)
    queue = result.catch(() => {})
    return result
  }

  async function switchTo(handle: string): Promise<void> {
    if (handle === current) return
    // The driver looks up the current window some time after it has received a command. When it answers a later
    // command, it has sent all earlier ones to their window.
    if (running > 0) await send(port, 'GET', `${path}/url`).catch(() => {})
    await send(port, 'POST', `${path}/window`, { handle })
    current = handle
  }

  return {
    async inWindow<T>(handle: string, method: string, command: string, body?: object): Promise<T> {
      // Wrapped, because the next command must not wait for the answer.
      const { answer } = await inTurn(async () => {
        await switchTo(handle)
        running++
        const sent = defer()
        const answer = send<T>(port, method, path + command, body, sent.resolve).finally(() => running--)
        answer.catch(sent.resolve)
        await sent.promise
        return { answer }
      })
      return answer
    },
    openWindow() {
      return inTurn(async () => {
        await switchTo(home)
        const { handle } = await send<{ handle: string }>(port, 'POST', `${path}/window/new`, { type: 'tab' })
        return handle
      })
    },
  }
}

/** Whether the driver takes commands. */
export function isReady(port: number): Promise<boolean> {
  return send<{ ready: boolean }>(port, 'GET', '/status').then(
    ({ ready }) => ready,
    () => false,
  )
}

function send<T>(port: number, method: string, path: string, body?: object, onSent?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const headers = { 'content-length': Buffer.byteLength(payload) }
    const command = request({ host: '127.0.0.1', port, method, path, headers, agent: false })
    command.on('error', reject)
    command.on('response', (response) => {
      let received = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        received += part
      })
      response.on('error', reject)
      response.on('end', () => {
        const { value } = JSON.parse(received) as { value: T & { error?: string; message?: string } }
        if (response.statusCode === 200) resolve(value)
        else reject(new Error(`${value.error}: ${value.message}`))
      })
    })
    command.end(payload, onSent)
  })
}
