import { type Identity, selfSigned } from '../../../demo/certificate.ts'
import { SITE } from './hosts.ts'

/** The key and certificate of every server of the tests. */
export const identity: Identity = selfSigned(SITE)

/**
 * The SHA-256 of its public key. A browser that is told to trust this key has no certificate error, and Chromium binds sessions
 * to keys only then.
 */
export const trustedKey: string = identity.publicKeyHash
