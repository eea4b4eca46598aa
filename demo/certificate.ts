import { createHash, generateKeyPairSync, sign } from 'node:crypto'

/** The key and certificate of a TLS server, for the demo and the tests. */
export interface Identity {
  readonly key: string
  readonly cert: string
  /**
   * The SHA-256 of the public key, for the switch of Chromium that trusts it. Chromium binds sessions to keys only if the certificate
   * has no error.
   */
  readonly publicKeyHash: string
}

const DAY = 86_400_000
const SEQUENCE = 0x30
const OIDS = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
}

/**
 * Generates a key and a self-signed certificate, for browsers that ignore certificate errors (RFC 5280 section 4.1).
 * Generated for each run, so that no key is stored.
 */
export function selfSigned(name: string): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = der(SEQUENCE, oid(OIDS.ecdsaWithSha256))
  const who = der(SEQUENCE, der(0x31, der(SEQUENCE, oid(OIDS.commonName), der(0x0c, Buffer.from(name)))))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const toSign = der(
    SEQUENCE,
    der(0x02, Buffer.from([1])),
    algorithm,
    who,
    der(SEQUENCE, time(Date.now() - DAY), time(Date.now() + DAY)),
    who,
    spki,
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toSign, privateKey))
  const certificate = der(SEQUENCE, toSign, algorithm, signature)
  return {
    publicKeyHash: createHash('sha256').update(spki).digest('base64'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  }
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}
