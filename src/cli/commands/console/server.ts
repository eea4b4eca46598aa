import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Failure } from '../../terminal/errors.ts'
import type { Gate, Verdict } from './gate.ts'

const LOOPBACK = '127.0.0.1'

export interface ConsoleServer {
  /** The link that opens the console, with the token. */
  readonly link: string
  close(): Promise<void>
}

export interface ServerOptions {
  /** 0 for any. */
  readonly port: number
  readonly gate: Gate
  readonly handle: RequestListener
  /** Called for a link that was opened by another browser. */
  onSecondUse(): void
}

/**
 * Serves the console to this machine alone.
 * @throws Failure if the port is in use
 */
export async function openServer({ port, gate, handle, onSecondUse }: ServerOptions): Promise<ConsoleServer> {
  const server = createServer((req, res) => {
    const verdict = judge(gate, req)
    if (verdict.kind === 'open') return handle(req, res)
    if (verdict.kind === 'refused' && verdict.because === 'used') onSecondUse()
    answer(res, gate, verdict)
  })
  server.listen(port, LOOPBACK)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Failure(
      `cannot listen on ${LOOPBACK}:${port} (${(error as NodeJS.ErrnoException).code}). Choose another --port.`,
    )
  }
  const { port: listening } = server.address() as AddressInfo
  return {
    link: `http://${LOOPBACK}:${listening}${gate.link}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      // A browser keeps its connections open.
      server.closeAllConnections()
      await closed
    },
  }
}

function judge(gate: Gate, { method = '', url = '', headers }: IncomingMessage): Verdict {
  const purpose = headers['sec-purpose'] ?? headers['purpose']
  return gate.judge({
    method,
    url,
    host: headers.host,
    cookie: headers.cookie,
    purpose: typeof purpose === 'object' ? purpose[0] : purpose,
  })
}

type Answered = Exclude<Verdict, { kind: 'open' }>

function answer(res: ServerResponse, gate: Gate, verdict: Answered): void {
  if (verdict.kind === 'welcome') res.setHeader('set-cookie', verdict.setCookie)
  send(res, ...pageFor(gate, verdict))
}

/** @returns the status and the page */
function pageFor({ path }: Gate, verdict: Answered): readonly [number, string] {
  switch (verdict.kind) {
    case 'welcome':
    case 'again':
      return [200, moving(path)]
    case 'foreign host':
      return [421, page('Wrong address', 'Open the link that the command has printed.')]
    case 'refused':
      return [403, page('This link does not open the console', REASONS[verdict.because])]
  }
}

const ANEW = 'Stop the command with Ctrl-C and start it again. It prints a new link.'
const REASONS = {
  prefetch: 'A browser wanted to load this page before anybody opened it. Open the link again.',
  used: `The link works once, and a browser has opened it already. If that was not you, stop the command at once. ${ANEW}`,
  expired: `The link was not opened within ten minutes. ${ANEW}`,
  'no cookie': `Open the link that the command has printed. If it was opened in another browser: ${ANEW}`,
} as const

/**
 * A page that moves on by itself, and no redirect: a browser that comes from another site sends a `SameSite=Strict` cookie
 * only with the next navigation, which this page starts.
 */
function moving(path: string): string {
  return page(
    'Pawl',
    `<a href="${path}">Open the console</a>`,
    `<meta http-equiv="refresh" content="0; url=${path}">`,
  )
}

function page(title: string, text: string, head = ''): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
${head}<title>${title}</title>
<main><h1>${title}</h1><p>${text}</p></main>
</html>
`
}

function send(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'x-robots-tag': 'noindex',
  })
  res.end(body)
}
