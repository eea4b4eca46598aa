/** The rules of bound sessions whose absence the explorer must notice. Each is a sentence of the protocol. */
export const MUTATIONS = [
  'the proof is checked',
  'a proof is for one refresh token',
  'a proof expires',
  'an old proof ends nothing',
  'an old proof switches nothing',
  'a proof is as old as its challenge',
  'a challenge is for one refresh token',
  'a challenge expires',
  'a challenge to register comes with a login alone',
  'a challenge to register expires',
  'a key is never replaced',
  'a lost answer binds nothing',
  'a registration is never ended unbound',
  'the key is written durably',
  'evidence is ignored',
  'an access token expires with its proof',
  'a renewal expires with its access token',
] as const

export type Mutation = (typeof MUTATIONS)[number]
