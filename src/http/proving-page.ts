import type { DeviceProofRequiredError } from '../portable/errors.ts'
import type { Header, Reply } from './exchange.ts'
import { createReply, NO_CACHING, setCookieHeaders } from './reply.ts'

/*
 * A page load of a bound session without a proof. It gets a small page that makes the device prove itself and then goes on.
 */

/**
 * Proves that the browser has the key of `pawl/client/bind`, refreshes, and goes on. Whatever fails, it goes on too: the page
 * then finds no session. As text, because a bundler of the application could break a function.
 */
const SCRIPT = `(async ({ dataset: { challenge, next }, src }) => {
  // Only for the page of Pawl: no other may have it sign, or send the browser elsewhere.
  const refresh = new URL('refresh', src).href
  if (location.origin + location.pathname !== refresh || new URL(next, refresh).origin !== location.origin) return
  try {
    const opening = indexedDB.open('pawl-device')
    const database = await new Promise((resolve, reject) => {
      opening.onupgradeneeded = () => opening.transaction.abort()
      opening.onsuccess = () => resolve(opening.result)
      opening.onerror = reject
      setTimeout(reject, 5000)
    })
    const key = await new Promise((resolve, reject) => {
      const reading = database.transaction('pawl-device').objectStore('pawl-device').get('key')
      reading.onsuccess = () => resolve(reading.result)
      reading.onerror = reject
    })
    database.close()
    const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=/g, '')
    const encode = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)))
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key.publicKey)
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const send = async (nonce) => {
      const jti = base64url(crypto.getRandomValues(new Uint8Array(12)))
      const claims = { jti, htm: 'POST', htu: refresh, iat: Math.floor(Date.now() / 1000), nonce }
      const input = encode(header) + '.' + encode(claims)
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, new TextEncoder().encode(input))
      return fetch(refresh, { method: 'POST', headers: { dpop: input + '.' + base64url(new Uint8Array(signature)) } })
    }
    const answer = await send(challenge)
    const latest = answer.headers.get('dpop-nonce')
    // Another tab may have refreshed meanwhile.
    if (answer.status === 401 && latest) await send(latest)
  } catch {}
  location.replace(next)
})(document.currentScript)
`

/**
 * @param path the option `path`
 * @param next where to go on
 */
export function provingPage(
  { challenge, kind }: DeviceProofRequiredError,
  path: string,
  next: string,
  cookies: readonly string[],
  headers: readonly Header[],
): Reply {
  const usesScript = kind === 'webcrypto' && challenge !== null
  const values = { challenge: challenge ?? '', next }
  const data = Object.entries(values).map(([name, value]) => `data-${name}="${escapeAttribute(value)}"`)
  return createReply(
    200,
    [
      ['content-type', 'text/html; charset=utf-8'],
      [
        'content-security-policy',
        "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
      ],
      // A page load of this origin: before it, a browser with DBSC proves itself. Not before one that another site has begun.
      ...(usesScript ? [] : ([['refresh', `0;url=${next}`]] as const)),
      ['referrer-policy', 'same-origin'],
      ...NO_CACHING,
      ...headers,
      ...setCookieHeaders(cookies),
    ],
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>One moment</title>${
      usesScript
        ? `<script src="${path}/device.js" ${data.join(' ')}></script><noscript><meta http-equiv="refresh" content="0;url=${escapeAttribute(next)}"></noscript>`
        : ''
    }\n`,
  )
}

/** `GET <path>/device.js`: the script of the page. */
export function provingScript(): Reply {
  return createReply(
    200,
    [
      ['content-type', 'text/javascript; charset=utf-8'],
      ['cache-control', 'public, max-age=3600'],
    ],
    SCRIPT,
  )
}

function escapeAttribute(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}
