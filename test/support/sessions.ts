import { onTestFinished } from 'vitest'
import {
  type ClaimsObject,
  createSessions,
  type EventName,
  type SessionEvents,
  type Sessions,
  type SessionsOptions,
  type Store,
} from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import { silentLogger } from './logger.ts'
import { SECRET } from './secrets.ts'

/**
 * `createSessions` with a memory store, a silent logger and no pruning as defaults. Closed when the test is done.
 * The first background pruning would start at a random time, perhaps while a test counts statements.
 */
export async function openSessions<Claims extends object = ClaimsObject, Data = unknown>(
  options: Partial<SessionsOptions<Claims, Data>> = {},
): Promise<Sessions<Claims, Data>> {
  const sessions = await createSessions<Claims, Data>({
    store: memory(),
    secret: SECRET,
    logger: silentLogger,
    ...options,
    // Serverless sessions must not prune even by default.
    ...(options.serverless === undefined && { privacy: { pruneInterval: null, ...options.privacy } }),
  })
  onTestFinished(() => sessions.close())
  return sessions
}

/** `openSessions` with a clock that only the test moves. */
export async function openWithClock(
  options: Partial<SessionsOptions> = {},
): Promise<{ sessions: Sessions; clock: FakeClock; store: Store }> {
  const clock = createFakeClock()
  const store = options.store ?? memory()
  return { sessions: await openSessions({ now: clock.now, ...options, store }), clock, store }
}

/** Collects the events of the type `name`. */
export function listen<Name extends EventName>(
  sessions: Pick<Sessions, 'on'>,
  name: Name,
): SessionEvents[Name][] {
  const events: SessionEvents[Name][] = []
  sessions.on(name, (event) => events.push(event))
  return events
}
