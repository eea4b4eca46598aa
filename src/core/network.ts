import { isIP } from 'node:net'
import { parseClientAddress } from './client-address.ts'

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
