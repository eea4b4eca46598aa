import { createSessionClient as createUnchecked, type SessionClient } from './client.ts'
import type { SessionClientOptions } from './options.ts'
import { isBearer, urlOf } from './request.ts'
import type { Login } from './sign-in.ts'

/*
 * `pawl/client` under the condition `development`, which bundlers set for a development server. It checks what the
 * production build has no room to check.
 */

export * from './index.ts'

/** Every option, which the compiler compares with the type. */
const NAMES: Readonly<Record<keyof SessionClientOptions, true>> = {
  baseUrl: true,
  path: true,
  fetch: true,
  csrf: true,
  overlap: true,
  tokens: true,
  device: true,
  user: true,
  onProblem: true,
}

/** A login that takes longer has probably a mistake. Milliseconds. */
const LONG_LOGIN = 10_000

/** As `createSessionClient`. @throws TypeError for an unknown option, or a wrong `baseUrl` or `path` */
export function createSessionClient<User = unknown>(
  options: SessionClientOptions<User> = {},
): SessionClient<User> {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name))
      throw new TypeError(
        `\`createSessionClient\` does not take \`${name}\`. It takes ${Object.keys(NAMES).join(', ')}.`,
      )
  }
  const { baseUrl, path = '/session', tokens } = options
  if (baseUrl !== undefined && !/^(?:https?:\/\/[^/?#@]+(?:\/[^?#]*)?|\/(?!\/)[^?#]*)$/i.test(baseUrl))
    throw new TypeError(
      '`baseUrl` must be a URL such as https://api.example.com, without a password or a query.',
    )
  if (!/^\/[^?#]*[^/?#]$/.test(path))
    throw new TypeError('`path` must look like /session: no slash at its end.')

  const client = createUnchecked(options)
  const { fetch, signIn } = client
  return Object.defineProperties(client, {
    fetch: {
      value: async (...request: Parameters<typeof fetch>) => {
        if (!tokens && client.hooks.covers(urlOf(request[0]))) warnOfOwnToken(client, ...request)
        return fetch(...request)
      },
    },
    signIn: { value: (login: Login) => signIn(() => watched(login)) },
  })
}

const warned = new WeakSet<object>()

/** The server takes such a request for one without cookies. */
function warnOfOwnToken(client: SessionClient, input: Request | URL | string, init?: RequestInit): void {
  const request = input instanceof Request ? input : undefined
  const headers = new Headers(init?.headers ?? request?.headers)
  if (warned.has(client) || !isBearer(headers.get('authorization'))) return
  warned.add(client)
  warn(
    'A request carries an `Authorization: Bearer` header of the application. It goes out without the session: the server ignores cookies beside such a header. Send the other token in a header of its own.',
  )
}

async function watched(login: Login): Promise<Awaited<ReturnType<Login>>> {
  const timer = setTimeout(
    () =>
      warn(
        'A login has run for 10 s. Refreshes and sign-outs wait for it. It must not wait for another `signIn` of this client.',
      ),
    LONG_LOGIN,
  )
  try {
    return await login()
  } finally {
    clearTimeout(timer)
  }
}

function warn(text: string): void {
  // biome-ignore lint/suspicious/noConsole: for the developer
  console.warn(`Pawl: ${text}`)
}
