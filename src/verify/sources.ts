import { decodeRevocations, MAX_REVOCATIONS_BYTES, type RevocationList } from '../wire/revocations.ts'
import { describeUrl, get } from './get.ts'
import { importKeys, type PublicKeys, usableKeys } from './keys.ts'
import type { ResolvedOptions } from './options.ts'
import { createRemote, type Remote } from './remote.ts'

const SECOND = 1000
const MAX_KEYS_BYTES = 64 * 1024
/** Seconds between two loads of the keys: the application's `max-age` within these bounds. */
const KEYS_MAX_AGE = { min: 30, default: 300, max: 3600 }
/** Milliseconds for which stale keys stay usable while the application does not respond. */
const KEYS_GRACE = 3600 * SECOND

const FOREVER = {
  takenAt: Number.NEGATIVE_INFINITY,
  freshUntil: Number.POSITIVE_INFINITY,
  usableUntil: Number.POSITIVE_INFINITY,
}

export function remoteKeys(options: ResolvedOptions): Remote<PublicKeys> {
  const { jwks, now } = options
  return createRemote<PublicKeys>(async () => {
    const requestedAt = now()
    if (typeof jwks !== 'string') return { value: await importKeys(usableKeys(jwks)), ...FOREVER }
    const { body, maxAge, age } = await get(jwks, { ...options, maxBytes: MAX_KEYS_BYTES })
    const value = await importKeys(usableKeys(JSON.parse(new TextDecoder().decode(body!))))
    const seconds = (maxAge ?? KEYS_MAX_AGE.default) - age
    const freshUntil = requestedAt + Math.min(KEYS_MAX_AGE.max, Math.max(KEYS_MAX_AGE.min, seconds)) * SECOND
    return { value, takenAt: requestedAt, freshUntil, usableUntil: freshUntil + KEYS_GRACE }
  }, options)
}

export interface LoadedRevocations {
  readonly list: RevocationList
  readonly etag: string | null
}

/** `null` without the option `revocations`. */
export function remoteRevocations(options: ResolvedOptions): Remote<LoadedRevocations> | null {
  const { revocations: url, now, pollInterval } = options
  if (url === null) return null
  let hasWarned = false

  /** Not of an outage, which ends by itself. Nothing else shows this mistake with `onStale: 'serve'`. */
  const warnOnce = (message: string): Error => {
    if (!hasWarned)
      // biome-ignore lint/suspicious/noConsole: every runtime has a console, and the verifier has no logger
      console.warn(`Pawl: Cannot load \`revocations\`: ${message}. Check the address and the application.`)
    hasWarned = true
    return new Error(message)
  }

  return createRemote<LoadedRevocations>(async (latest) => {
    const requestedAt = now()
    const { body, etag, age } = await get(url, {
      ...options,
      maxBytes: MAX_REVOCATIONS_BYTES,
      etag: latest?.etag ?? null,
      notFound: warnOnce,
    })
    const list = body === null ? latest!.list : decodeRevocations(body)
    if (list === null) throw warnOnce(`${describeUrl(url)} sent no revocation list`)
    // A cache on the way may have held the response.
    const takenAt = requestedAt - age * SECOND
    return {
      value: { list, etag: body === null ? latest!.etag : etag },
      takenAt,
      freshUntil: takenAt + pollInterval,
      usableUntil: takenAt + 2 * pollInterval,
    }
  }, options)
}
