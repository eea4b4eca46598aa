import { cookies } from 'next/headers.js'

type CookieJar = Awaited<ReturnType<typeof cookies>>
type Cookie = Extract<Parameters<CookieJar['set']>, [unknown]>[0]

/**
 * Sets cookies on a response that Next makes itself. Next keeps one cookie of each name, so of several the last one
 * counts. That is the genuine one: those before it clear strays on other paths.
 */
export async function setCookies(texts: readonly string[]): Promise<void> {
  if (texts.length === 0) return
  const jar = await cookies()
  for (const text of texts) {
    const [pair = '', ...rest] = text.split('; ')
    const at = pair.indexOf('=')
    const attributes = new Map(
      rest.map((part): [string, string] => {
        const [name = '', value = ''] = part.split('=')
        return [name.toLowerCase(), value]
      }),
    )
    jar.set({ name: pair.slice(0, at), value: pair.slice(at + 1), ...attributesOf(attributes) })
  }
}

/** Next's error if it allows no cookies here, as in a Server Component; null if it does. */
export function readOnlyError(jar: CookieJar): unknown {
  const untouched = new Error()
  try {
    // Next has no API to ask. It reads the given name only if it may set the cookie.
    jar.set({
      get name(): string {
        throw untouched
      },
      value: '',
    })
  } catch (error) {
    if (error !== untouched) return error
  }
  return null
}

function attributesOf(given: ReadonlyMap<string, string>): Omit<Cookie, 'name' | 'value'> {
  const maxAge = given.get('max-age')
  const expires = given.get('expires')
  const domain = given.get('domain')
  return {
    path: given.get('path') ?? '/',
    httpOnly: given.has('httponly'),
    secure: given.has('secure'),
    sameSite: given.get('samesite')?.toLowerCase() as 'lax' | 'strict' | 'none',
    partitioned: given.has('partitioned'),
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    ...(expires !== undefined && { expires: new Date(expires) }),
    ...(domain !== undefined && { domain }),
  }
}

/** A `Cookie` header without some names, and with their replacements in front. */
export function replaceCookies(
  header: string | undefined,
  names: readonly string[],
  replacements: readonly (readonly [name: string, value: string])[] = [],
): string {
  const kept = (header ?? '').split(';').filter((pair) => {
    const [name = ''] = pair.split('=')
    return pair.trim() !== '' && !names.includes(name.trim())
  })
  return [...replacements.map((pair) => pair.join('=')), ...kept.map((pair) => pair.trim())].join('; ')
}
