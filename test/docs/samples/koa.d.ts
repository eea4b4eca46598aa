// What `@koa/bodyparser` adds.
import 'koa'

declare module 'koa' {
  interface Request {
    readonly body?: unknown
  }
}
