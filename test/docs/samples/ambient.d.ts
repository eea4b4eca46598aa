// Packages and globals that samples use and this repository has no types of. Their values are not checked.
declare module '@koa/bodyparser'
declare module '@opentelemetry/sdk-node'
declare module 'cookie'
declare module 'cookie-signature'
declare module 'iron-session'
declare module 'serverless-http'
declare module 'supertokens-node'
declare module 'supertokens-node/recipe/session'

declare module 'koa-mount'
declare module 'supertokens-node-postgres-ref-jwt'
declare module 'supertokens-node/framework/express'

// An application with Passport.
declare namespace Express {
  interface User {
    readonly id: string
    readonly role: string
  }
}

declare const Bun: {
  serve(options: {
    port?: number
    fetch(
      request: Request,
      server: { requestIP(request: Request): { address: string } | null },
    ): Response | Promise<Response>
  }): void
}
declare const Deno: {
  serve(
    options: { port: number } | ((request: Request, info: { remoteAddr: { hostname: string } }) => unknown),
    handler?: (request: Request, info: { remoteAddr: { hostname: string } }) => unknown,
  ): void
  readonly env: { get(name: string): string | undefined }
}
