import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Handled,
  handleAndSettle,
  type SessionsOverHttp,
  type SessionsSource,
  whenReady,
} from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { isPromise } from '../../portable/is-promise.ts'
import { assertFramework } from './assert-framework.ts'
import { attach } from './attached-session.ts'
import { isNodeExchange, NodeExchange, type NodeHints, writeReply } from './node-exchange.ts'

/** Middleware of Express and @fastify/middie, without their types. */
export type NodeMiddleware<Request = IncomingMessage> = (
  req: Request,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** The adapter that middleware belongs to, for messages. */
interface Owner {
  readonly name: string
  readonly versions: string
}

/** Handles every request: answers Pawl's own routes, attaches a session to all others. */
export function sessionMiddleware<Claims extends object, Data, Request extends IncomingMessage & NodeHints>(
  sessions: SessionsSource<Claims, Data>,
  http: SessionsOverHttp<Claims, Data>,
  { name, versions }: Owner,
  onSession: (req: Request, session: RequestSession<Claims, Data>) => void = () => {},
): NodeMiddleware<Request> {
  return function pawlSessions(req, res, next) {
    assertFramework(isNodeExchange(req, res) && typeof next === 'function', name, versions)
    const proceed = ({ reply, session }: Handled<Claims, Data>): void => {
      if (reply !== undefined) {
        writeReply(res, reply)
        return
      }
      attach(req, sessions, http, session)
      onSession(req, session)
      next()
    }
    passErrors(() => whenReady(handleAndSettle(http, new NodeExchange(req, res, req)), proceed), next)
  }
}

/** Passes an error of the work to `next`, whether it is thrown at once or later. */
export function passErrors(work: () => void | Promise<void>, next: (error: unknown) => void): void {
  try {
    const result = work()
    if (isPromise(result)) result.catch(next)
  } catch (error) {
    next(error)
  }
}
