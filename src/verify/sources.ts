import { decodeRevocations, MAX_REVOCATIONS_BYTES, type RevocationList } from '../wire/revocations.ts'
import { get, nameOf } from './get.ts'
import { importKeys, type PublicKeys, usableKeys } from './keys.ts'
import type { ResolvedOptions } from './options.ts'
import { createRemote, type Remote } from './remote.ts'

const SECOND = 1000
const MAX_KEYS_BYTES = 64 * 1024
/** Keys are asked for this often, in seconds: as the application says, within bounds. */
const KEYS_EVERY = { least: 30, usual: 300, most: 3600 }
/** Keys that cannot be asked for again are used for so much longer, in ms. */
const KEEP_KEYS = 3600 * SECOND

const ALWAYS = {
  takenAt: Number.NEGATIVE_INFINITY,
  freshUntil: Number.POSITIVE_INFINITY,
  usableUntil: Number.POSITIVE_INFINITY,
}

export function remoteKeys(options: ResolvedOptions): Remote<PublicKeys> {
  const { jwks, now } = options
  return createRemote<PublicKeys>(async () => {
    const askedAt = now()
    if (typeof jwks !== 'string') return { value: await importKeys(usableKeys(jwks)), ...ALWAYS }
    const { body, maxAge, age } = await get(jwks, { ...options, maxBytes: MAX_KEYS_BYTES })
    const value = await importKeys(usableKeys(JSON.parse(new TextDecoder().decode(body!))))
    const { least, usual, most } = KEYS_EVERY
    const freshFor = Math.min(most, Math.max(least, (maxAge ?? usual) - age)) * SECOND
    return {
      value,
      takenAt: askedAt,
      freshUntil: askedAt + freshFor,
      usableUntil: askedAt + freshFor + KEEP_KEYS,
    }
  }, options)
}

export interface HeldRevocations {
  readonly list: RevocationList
  readonly etag: string | null
}

/** `null` where nobody asks for them. */
export function remoteRevocations(options: ResolvedOptions): Remote<HeldRevocations> | null {
  const { revocations: url, now, pollInterval } = options
  if (url === null) return null
  return createRemote<HeldRevocations>(async (held) => {
    const askedAt = now()
    const { body, etag, age } = await get(url, {
      ...options,
      maxBytes: MAX_REVOCATIONS_BYTES,
      etag: held?.etag ?? null,
    })
    const list = body === null ? held!.list : decodeRevocations(body)
    if (list === null) throw new Error(`${nameOf(url)} answered with no list of revocations`)
    // A cache on the way may have had it for a while.
    const takenAt = askedAt - age * SECOND
    return {
      value: { list, etag: body === null ? held!.etag : etag },
      takenAt,
      freshUntil: takenAt + pollInterval,
      usableUntil: takenAt + 2 * pollInterval,
    }
  }, options)
}
