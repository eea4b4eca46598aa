import { once } from 'node:events'
import { hostname, userInfo } from 'node:os'
import { performance } from 'node:perf_hooks'
import { sessionsConsole } from '../../../console/index.ts'
import type { SessionEvents, Sessions } from '../../../index.ts'
import { counted, time } from '../../../portable/format.ts'
import type { Command, Context } from '../../command.ts'
import { applicationSecrets, checkUrl, withApplicationKeys, withSessions } from '../../database.ts'
import { quoted } from '../../terminal/text.ts'
import { parsePort } from '../../terminal/values.ts'
import { createGate } from './gate.ts'
import { openBrowser } from './open-browser.ts'
import { openServer } from './server.ts'

export const consoleCommand: Command = {
  name: 'console',
  usage: '',
  summary: 'Show sessions, keys and warnings in a browser, and revoke sessions there.',
  details: `Serves web pages on this machine alone until Ctrl-C. The printed link has a token that works once, within ten
minutes, for one browser. On a terminal of a desktop the command opens the browser.
Reading and revoking need no secret. To rotate signing keys there, set PAWL_SECRET as for \`keys rotate\`.
An application can serve the same pages to its administrators: see pawl/console.`,
  maxArguments: 0,
  options: {
    'read-only': { help: 'Show, and change nothing. The database may be a standby.' },
    listen: {
      value: 'url',
      help: 'Try LISTEN there: what the application gives as `listen`. Default: --url.',
    },
    port: { value: 'number', help: 'Port of the server. Default: any that is free.' },
    'no-open': { help: 'Print the link, and open no browser.' },
  },
  needsDatabase: true,
  examples: ['npx pawl console', 'npx pawl console --read-only --port 4000'],
  run: serve,
}

/** The pages read several values at once, and one that waits for a lock occupies its connection for seconds. */
const MAX_CONNECTIONS = 6

async function serve(given: Context): Promise<number> {
  const readOnly = given.flags.has('read-only')
  const port = parsePort(given.flags.value('port'))
  const context = { ...given, readOnly }
  const secret = applicationSecrets()
  const listen = given.flags.value('listen')
  if (listen !== undefined) checkUrl('--listen', listen)
  // A standby has no LISTEN.
  const connections = { listen: readOnly ? false : (listen ?? true), maxConnections: MAX_CONNECTIONS }
  const work = (sessions: Sessions): Promise<number> => serveSessions(context, sessions, port)
  return secret.length === 0
    ? withSessions(context, work, connections)
    : withApplicationKeys(context, secret, work, connections)
}

async function serveSessions(
  { flags, out, readOnly, interrupted }: Context,
  sessions: Sessions,
  port: number,
): Promise<number> {
  const gate = createGate(() => performance.now())
  const actor = `command line (${operator()})`
  sessions.on('consoleAction', (event) => out.note(actionLine(event)))
  const handle = sessionsConsole(sessions, {
    path: gate.path,
    authorize: () => ({ actor, readOnly }),
    ofCommand: true,
  })
  const server = await openServer({
    port,
    gate,
    handle,
    onSecondUse: () =>
      out.note('pawl: The link was opened a second time, and refused. If that was not you, press Ctrl-C.'),
  })
  let deleteLinkFile: (() => Promise<void>) | null = null
  try {
    out.note('Open this link. It works once, within ten minutes. Ctrl-C stops the console.')
    out.result({ url: server.link, readOnly }, () => server.link)
    if (process.stdout.isTTY && !flags.has('no-open')) deleteLinkFile = await openBrowser(server.link)
    if (!interrupted.aborted) await once(interrupted, 'abort')
  } finally {
    await deleteLinkFile?.()
    await server.close()
  }
  return 0
}

/** `2026-11-23 20:54:55Z end-session 01a2…, user 'anna': 1 session` */
function actionLine({ action, sessionId, userId, sessions }: SessionEvents['consoleAction']): string {
  const of = [sessionId, userId === null ? null : `user ${quoted(userId)}`].filter((part) => part !== null)
  const what = `${time(new Date())} ${action}${of.length === 0 ? '' : ` ${of.join(', ')}`}`
  if (sessions === null) return `${what}: the database failed, and something may have changed`
  return of.length === 0 ? what : `${what}: ${counted(sessions, 'session')}`
}

/** Who runs the command, for the record of actions. */
function operator(): string {
  return `${userName()}@${hostname()}`
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // The user has no entry, as in a container.
    return process.getuid?.().toString() ?? 'unknown'
  }
}
