// Packages and globals that samples use and this repository has no types of. Their values are not checked.
declare module '@opentelemetry/sdk-node'
declare module 'cookie'
declare module 'cookie-signature'
declare module 'iron-session'
declare module 'serverless-http'
declare module 'supertokens-node'
declare module 'supertokens-node/recipe/session'

// biome-ignore lint/suspicious/noExplicitAny: not checked
declare const Bun: any
// biome-ignore lint/suspicious/noExplicitAny: not checked
declare const Deno: any
