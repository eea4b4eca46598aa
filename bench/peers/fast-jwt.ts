import { createSigner, createVerifier } from 'fast-jwt'

type Verify = (token: string) => { readonly sub: string }

/** The quickest JWT library for Node.js, with and without its cache of verified tokens. */
export function fastJwt(key: string) {
  const sign = createSigner({ key, algorithm: 'HS256', expiresIn: 3_600_000, kid: 'abcdefgh' })
  return {
    sign: (claims: object): string => sign({ ...claims }),
    verify: createVerifier({ key, algorithms: ['HS256'], cache: false }) as Verify,
    verifyCached: createVerifier({ key, algorithms: ['HS256'], cache: 10_000 }) as Verify,
  }
}
