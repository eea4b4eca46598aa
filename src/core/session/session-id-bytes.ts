/** The 16 bytes of a UUID. */
export function sessionIdToBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}
