import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JWKS, Provider } from 'oidc-provider'

/** A local OpenID provider that accepts every name and password. An application uses a real one. */
export interface LocalProvider {
  readonly issuer: URL
  readonly clientId: string
  readonly clientSecret: string
  close(): void
}

export async function startProvider(redirectUri: string): Promise<LocalProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const issuer = new URL(`http://127.0.0.1:${port}`)
  const clientId = 'example'
  const clientSecret = randomBytes(32).toString('base64url')

  const provider = new Provider(issuer.origin, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    // With the name in the ID token, the example needs no request to the userinfo endpoint.
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id.toLowerCase(), name: id }) }),
    cookies: { keys: [randomBytes(32)] },
    jwks: signingKeys(),
    pkce: { required: () => true },
    ttl: { Interaction: 600, Session: 3600, Grant: 3600, AccessToken: 600, IdToken: 600 },
  })
  server.on('request', provider.callback())

  return {
    issuer,
    clientId,
    clientSecret,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function signingKeys(): JWKS {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ format: 'jwk' }) as JsonWebKey
  return { keys: [{ ...key, kid: 'example', alg: 'RS256', use: 'sig' }] } as JWKS
}
