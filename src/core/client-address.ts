import { isIP } from 'node:net'

/** A header that lists many proxies is longer than an address. Only its beginning is read. */
const MAX_LENGTH = 256
/** `for=` in the first element of `Forwarded` (RFC 7239 section 4), quoted or not. */
const FORWARDED_FOR = /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;]*)/i
/** An address with the port of the client (RFC 7239 section 6). IPv6 needs brackets, which may also stand alone. */
const WITH_PORT = /^(?:\[([^\]]*)\]|(.*\.\d+))(?::(\d{1,5}|_[\w.-]+))?$/

/**
 * Reads the address of a client in the spellings that proxies use: with a port (`192.0.2.1:4711`, `[2001:db8::1]:443`),
 * with the zone of an interface (`fe80::1%eth0`), as IPv4 over IPv6 (`::ffff:192.0.2.1`), quoted, as the first entry of
 * an `X-Forwarded-For` list, or as the first element of a `Forwarded` header.
 * @returns the spelling of PostgreSQL (RFC 5952); null for anything else, such as `unknown` or `_hidden`
 */
export function parseClientAddress(text: unknown): string | null {
  if (typeof text !== 'string') return null
  const [first = ''] = text.slice(0, MAX_LENGTH).split(',')
  const named = first.includes('=') ? FORWARDED_FOR.exec(first)?.[1] : first
  const unquoted =
    named
      ?.trim()
      .replace(/^"(.*)"$/, '$1')
      .trim() ?? ''
  return canonical(withoutPort(unquoted))
}

function withoutPort(text: string): string {
  const parts = WITH_PORT.exec(text)
  if (parts === null) return text
  const [, inBrackets, ipv4, port = ''] = parts
  // Brackets are for IPv6 alone.
  if (inBrackets !== undefined && !inBrackets.includes(':')) return ''
  return /^\d/.test(port) && Number(port) > 65_535 ? '' : (inBrackets ?? ipv4)!
}

function canonical(address: string): string | null {
  // PostgreSQL's `inet` has no zone.
  const [plain = ''] = isIP(address) === 6 ? address.split('%') : [address]
  if (isIP(plain) !== 6) return isIP(plain) === 0 ? null : plain
  // IPv4 over a dual-stack socket becomes IPv4.
  return canonicalIPv6(plain).replace(/^::ffff:(?=\d+\.)/, '')
}

/** IPv4 over IPv6, as the URL standard spells it. PostgreSQL writes the part that is IPv4 with dots. */
const WITH_IPV4 = /^(::(?:ffff:)?)([\da-f]+):([\da-f]+)$/

/** @returns the spelling of PostgreSQL. A URL has it in every runtime, while the `SocketAddress` of Bun keeps any spelling. */
export function canonicalIPv6(address: string): string {
  const { hostname } = new URL(`http://[${address}]`)
  return hostname.slice(1, -1).replace(WITH_IPV4, (_, prefix: string, high: string, low: string) => {
    const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
    return `${prefix}${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`
  })
}

/** A network as PostgreSQL spells it. */
export interface Network {
  readonly text: string
  /** Whether it is one address. */
  readonly isAddress: boolean
}

/**
 * Reads an address, or a network such as `192.0.2.0/24` or `2001:db8::/48`. IPv4 over IPv6 becomes IPv4, as in stored
 * addresses.
 * @returns null for anything else
 */
export function parseNetwork(written: string): Network | null {
  const [, given = '', bits] = /^([0-9a-f.:]{1,64})(?:\/(\d{1,3}))?$/i.exec(written) ?? []
  const address = isIP(given) === 0 ? null : parseClientAddress(given)
  if (address === null) return null
  const most = isIP(address) === 4 ? 32 : 128
  const length = bits === undefined ? most : Number(bits)
  const isMapped = isIP(address) !== isIP(given)
  if (length > most || (isMapped && bits !== undefined)) return null
  return { text: length === most ? address : `${address}/${length}`, isAddress: length === most }
}
