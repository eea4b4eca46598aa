import { LONG, SHORT } from '../world.ts'
import type { Mutation } from './mutations.ts'
import type { BoundScope } from './world.ts'

const BASE: BoundScope = {
  settings: SHORT,
  kind: 'dbsc',
  binding: false,
  network: 'prompt',
  tabs: 2,
  history: 0,
  turns: 3,
  refreshes: 4,
  proofs: 3,
  databaseCrashes: 0,
  losesKey: false,
  browserCrashes: 0,
  skew: false,
  reauthentications: 0,
  renewals: 0,
  thief: 'never',
  thiefRefreshes: 0,
  thiefRenewals: 0,
  captures: 'nothing',
  given: [],
}

/** Where no honest user may be logged out or locked out (P1). */
export const HONEST: Readonly<Record<string, BoundScope>> = {
  'bound: two tabs, prompt network': BASE,
  'bound: two tabs, faulty network': { ...BASE, network: 'faulty' },
  'bound: three tabs, slow network, skewed clocks': { ...BASE, tabs: 3, network: 'slow', skew: true },
  'bound: by proofs with the refresh, faulty network': { ...BASE, kind: 'dpop', network: 'faulty' },
  'binding, faulty network': { ...BASE, binding: true, network: 'faulty' },
  'binding by a script, faulty network': { ...BASE, kind: 'dpop', binding: true, network: 'faulty' },
  'bound: quota used up': { ...BASE, network: 'slow', proofs: 1, refreshes: 5 },
  'bound: database crash, faulty network': {
    ...BASE,
    tabs: 1,
    network: 'faulty',
    databaseCrashes: 1,
    history: 1,
  },
  'bound: database crash, two tabs': { ...BASE, databaseCrashes: 1, history: 1 },
  'bound: failover loses the key': {
    ...BASE,
    binding: true,
    databaseCrashes: 1,
    losesKey: true,
  },
  'bound: browser crash, slow network': {
    ...BASE,
    network: 'slow',
    settings: LONG,
    browserCrashes: 1,
  },
  'bound: reauthentication and renewal, slow network': {
    ...BASE,
    network: 'slow',
    reauthentications: 1,
    renewals: 1,
    refreshes: 3,
  },
}

const THEFT: BoundScope = {
  ...BASE,
  network: 'atomic',
  tabs: 1,
  thief: 'any time',
  thiefRefreshes: 3,
  turns: 3,
  refreshes: 3,
}

/** The copied jar holds the one of two siblings that the owner gives up. */
const RACE: BoundScope = { ...THEFT, network: 'prompt', tabs: 2, refreshes: 8, proofs: 4, turns: 3 }
const COPY_IN_RACE = [
  /tab 1 sends/,
  /tab 2 sends/,
  /tab 1's/,
  /tab 2's/,
  /tab 1 gets/,
  /tab 1 sends/,
  /tab 1's .* proof required/,
  /tab 1 gets/,
  /browser proves/,
  /proof for .* arrives/,
  /browser gets its device/,
  /thief copies/,
]
const GIVEN_UP = [
  /tab 2 gets/,
  /tab 1 sends/,
  /tab 1's .* proof required/,
  /tab 1 gets/,
  /browser proves/,
  /proof for .* arrives/,
  /browser gets its device/,
  /tab 1 sends/,
  /tab 1's .* successor/,
  /tab 1 gets/,
]

/** Where the owner goes on and the thief's access ends (P1 and P2). The thief copies the whole jar. */
export const THEFTS: Readonly<Record<string, BoundScope>> = {
  'bound: theft at once': { ...THEFT, thief: 'at once' },
  'bound: theft at any time': THEFT,
  'bound: theft, skewed clocks': { ...THEFT, skew: true },
  'bound: theft, two tabs, prompt network': { ...THEFT, network: 'prompt', tabs: 2 },
  'bound: theft, three tabs, prompt network': { ...THEFT, network: 'prompt', tabs: 3, proofs: 2 },
  'bound: theft while two tabs race': { ...RACE, given: COPY_IN_RACE },
  'bound: theft while three tabs race': { ...RACE, tabs: 3, given: COPY_IN_RACE },
  'bound: theft of a sibling that the owner gives up': { ...RACE, given: [...COPY_IN_RACE, ...GIVEN_UP] },
  'bound: theft, browser crash': { ...THEFT, browserCrashes: 1 },
  'bound: theft, two tabs, slow network': { ...THEFT, network: 'slow', tabs: 2 },
  'bound: theft, faulty network, database crash': {
    ...THEFT,
    network: 'faulty',
    databaseCrashes: 1,
    history: 1,
  },
  'bound: theft of the jar and a proof': { ...THEFT, captures: 'proof' },
  'bound: theft of the jar and a proof, two tabs': {
    ...THEFT,
    captures: 'proof',
    network: 'prompt',
    tabs: 2,
  },
  'bound: theft of the jar and a proof with the refresh': { ...THEFT, kind: 'dpop', captures: 'proof' },
  'bound: theft of the jar, proofs with the refresh': { ...THEFT, kind: 'dpop', tabs: 2, network: 'prompt' },
  'bound: a thief who renews': { ...THEFT, thiefRenewals: 3 },
  'bound: theft and renewals': { ...THEFT, reauthentications: 1, renewals: 1 },
  'binding: theft at any time': { ...THEFT, binding: true },
  'binding: theft of the challenge to register after its time': {
    ...THEFT,
    binding: true,
    captures: 'register challenge',
    given: [/a tick/, /a tick/, /a tick/],
  },
}

const QUIET = Array.from({ length: 5 }, () => /a tick/)
const AT_ONCE: BoundScope = { ...THEFT, thief: 'at once' }

/** For each rule, a scope in which its absence shows. */
export const COUNTEREXAMPLES: Readonly<Record<Mutation, BoundScope>> = {
  'the proof is checked': AT_ONCE,
  'a proof is for one refresh token': AT_ONCE,
  'a proof expires': { ...AT_ONCE, refreshes: 1 },
  'an old proof ends nothing': AT_ONCE,
  // The owner has given the copied token up for its sibling.
  'an old proof switches nothing': { ...RACE, given: [...COPY_IN_RACE, ...GIVEN_UP] },
  'a proof is as old as its challenge': {
    ...AT_ONCE,
    captures: 'proof',
    given: [
      /thief copies/,
      /browser refreshes .* current/,
      /proof required/,
      /proves itself/,
      /successor/,
      ...QUIET,
    ],
  },
  'a challenge is for one refresh token': {
    ...AT_ONCE,
    refreshes: 2,
    captures: 'proof',
    given: [/thief copies/, /thief refreshes .* gets/, /thief repeats .* with R1/],
  },
  'a challenge expires': {
    ...AT_ONCE,
    captures: 'proof',
    refreshes: 1,
    given: [/thief copies/, ...QUIET, ...QUIET],
  },
  'a challenge to register comes with a login alone': { ...AT_ONCE, binding: true },
  'a challenge to register expires': {
    ...THEFT,
    binding: true,
    captures: 'register challenge',
    given: [/a tick/, /a tick/, /a tick/],
  },
  'a key is never replaced': { ...AT_ONCE, captures: 'register challenge' },
  'a lost answer binds nothing': { ...BASE, binding: true, network: 'faulty' },
  'a registration is never ended unbound': { ...BASE, binding: true, network: 'faulty' },
  'the key is written durably': { ...THEFT, binding: true, databaseCrashes: 1 },
  'evidence is ignored': AT_ONCE,
  'an access token expires with its proof': AT_ONCE,
  'a renewal expires with its access token': { ...AT_ONCE, thiefRenewals: 3 },
}
