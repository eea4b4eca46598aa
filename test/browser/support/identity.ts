import { createHash, X509Certificate } from 'node:crypto'
import { type Identity, selfSigned } from './certificate.ts'
import { SITE } from './hosts.ts'

/** The key and certificate of every server of the tests. */
export const identity: Identity = selfSigned(SITE)

/**
 * The SHA-256 of its public key. A browser that is told to trust this key has no certificate error, and Chromium binds sessions
 * to keys only then.
 */
export const trustedKey: string = createHash('sha256')
  .update(new X509Certificate(identity.cert).publicKey.export({ type: 'spki', format: 'der' }))
  .digest('base64')
