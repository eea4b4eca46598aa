import type { Mutation } from './mutations.ts'
import { LONG, type Scope, SHORT } from './world.ts'

const BASE: Scope = {
  settings: SHORT,
  network: 'prompt',
  tabs: 2,
  history: 0,
  turns: 3,
  refreshes: 4,
  databaseCrashes: 0,
  browserCrashes: 0,
  skew: false,
  login: false,
  thief: 'never',
  thiefRefreshes: 0,
  flood: false,
  reauthentications: 0,
  renewals: 0,
  thiefRenews: false,
  keyRetirement: false,
  given: [],
}

const QUIET = Array.from({ length: 6 }, () => /a tick/)
/** Almost the settle time of a renewal. */
const SETTLING = Array.from({ length: 4 }, () => /a tick/)

/** Where no honest user may be logged out (P1). From narrow to wide. */
export const HONEST: Readonly<Record<string, Scope>> = {
  'two tabs, prompt network': { ...BASE, login: true },
  'three tabs, prompt network': { ...BASE, tabs: 3 },
  'one tab, faulty network, skewed clocks': {
    ...BASE,
    tabs: 1,
    network: 'faulty',
    skew: true,
    refreshes: 3,
    login: true,
  },
  'browser crash, slow network': {
    ...BASE,
    network: 'slow',
    browserCrashes: 1,
    settings: LONG,
    refreshes: 3,
    turns: 2,
  },
  'browser crash, skewed clocks': { ...BASE, tabs: 1, network: 'slow', browserCrashes: 1, skew: true },
  'database crash, prompt network': { ...BASE, databaseCrashes: 1, history: 1 },
  'database crash after a history': { ...BASE, databaseCrashes: 1, history: 3, turns: 2, refreshes: 3 },
  'database crash, faulty network': { ...BASE, tabs: 1, network: 'faulty', databaseCrashes: 1, refreshes: 3 },
  'two tabs, faulty network': { ...BASE, network: 'faulty' },
  'two tabs, slow network, skewed clocks': { ...BASE, network: 'slow', skew: true },
  'three tabs, faulty network': { ...BASE, tabs: 3, network: 'faulty' },
  'key retirement, slow network': { ...BASE, network: 'slow', keyRetirement: true, refreshes: 3 },
  'reauthentication, prompt network': { ...BASE, reauthentications: 2, refreshes: 3 },
  'reauthentication, faulty network': { ...BASE, network: 'faulty', reauthentications: 1, refreshes: 3 },
  'reauthentication, slow network, skewed clocks': {
    ...BASE,
    network: 'slow',
    skew: true,
    reauthentications: 1,
    refreshes: 3,
  },
  'reauthentication about to take effect, faulty network': {
    ...BASE,
    network: 'faulty',
    reauthentications: 2,
    refreshes: 4,
    given: [
      /tab 1 sends/,
      /tab 1's refresh/,
      /authenticates again/,
      /tab 2 gets its answer/,
      /tab 1 gets/,
      ...SETTLING,
    ],
  },
  'reauthentication and renewal, prompt network': {
    ...BASE,
    reauthentications: 1,
    renewals: 1,
    refreshes: 3,
  },
  'reauthentication and renewal, slow network': {
    ...BASE,
    network: 'slow',
    reauthentications: 1,
    renewals: 1,
    refreshes: 3,
  },
  'reauthentication, browser crash': {
    ...BASE,
    tabs: 1,
    network: 'slow',
    browserCrashes: 1,
    reauthentications: 1,
    refreshes: 3,
  },
  'reauthentication, database crash': {
    ...BASE,
    tabs: 1,
    databaseCrashes: 1,
    history: 1,
    reauthentications: 1,
    refreshes: 3,
  },
  'everything at once': {
    ...BASE,
    tabs: 3,
    network: 'faulty',
    databaseCrashes: 1,
    skew: true,
    history: 1,
  },
}

const THEFT: Scope = { ...BASE, network: 'atomic', tabs: 1, thief: 'any time', thiefRefreshes: 3, turns: 4 }

/** Where no thief may stay (P2). */
export const THEFTS: Readonly<Record<string, Scope>> = {
  'theft at once, one tab': { ...THEFT, thief: 'at once' },
  'theft at any time, one tab': THEFT,
  'a polling thief': { ...THEFT, thief: 'at once', thiefRefreshes: 5, refreshes: 3 },
  'theft, two tabs, prompt network': { ...THEFT, network: 'prompt', tabs: 2, refreshes: 3 },
  'theft, skewed clocks': { ...THEFT, skew: true },
  'theft, faulty network': { ...THEFT, network: 'faulty', refreshes: 3 },
  'reauthentication after a theft': { ...THEFT, thief: 'at once', reauthentications: 1, refreshes: 3 },
  'reauthentication after a theft, two tabs': {
    ...THEFT,
    network: 'prompt',
    tabs: 2,
    reauthentications: 1,
    refreshes: 3,
  },
  'reauthentication about to take effect after a theft': {
    ...THEFT,
    thief: 'at once',
    reauthentications: 1,
    given: [/thief copies/, /thief refreshes/, /authenticates again/, ...SETTLING],
  },
  'key retirement after a theft': { ...THEFT, thief: 'at once', keyRetirement: true, refreshes: 3 },
  'a thief who renews': { ...THEFT, thief: 'at once', thiefRenews: true, refreshes: 3 },
  'a thief who renews, and a reauthentication': {
    ...THEFT,
    thief: 'at once',
    thiefRenews: true,
    reauthentications: 1,
    refreshes: 3,
  },
  'a thief who copies a pending reauthentication and renews': {
    ...THEFT,
    thiefRenews: true,
    reauthentications: 1,
    refreshes: 3,
    given: [/authenticates again/, /thief copies/],
  },
  'a thief who floods': { ...THEFT, thief: 'at once', flood: true, refreshes: 3 },
}

const THEFT_BY_HAND: Scope = { ...THEFT, thief: 'at once', refreshes: 3, turns: 3 }

/** For each rule, a scope in which its absence shows. */
export const COUNTEREXAMPLES: Readonly<Record<Mutation, Scope>> = {
  sibling: BASE,
  late: BASE,
  calm: { ...BASE, network: 'faulty' },
  ahead: { ...BASE, tabs: 1, databaseCrashes: 1, history: 2 },
  reused: {
    ...THEFT_BY_HAND,
    given: [
      /thief copies/,
      /browser refreshes/,
      /owner's use .* successor/,
      /thief refreshes .* late/,
      ...QUIET,
    ],
  },
  // Two tabs race, both answers are put to use, and only the second use is confirmed in time.
  'age limit on evidence': {
    ...BASE,
    databaseCrashes: 1,
    history: 2,
    given: [
      /tab 1 sends/,
      /tab 2 sends/,
      /tab 1's/,
      /tab 2's/,
      /tab 1 gets/,
      /browser uses/,
      /tab 2 gets/,
      /browser uses/,
      /is confirmed: successor/,
      ...QUIET,
      /tab 1 sends/,
      /tab 1's/,
      /tab 1 gets/,
    ],
  },
  // The thief turns the row twice; the owner's grandchild is first used when its access token is old.
  'evidence at any age': {
    ...THEFT_BY_HAND,
    given: [/thief copies/, /browser refreshes/, /owner's use .* successor/],
  },
  // Both cookies are of siblings: the refresh cookie of one, the access cookie of the other.
  'late evidence turns nothing': {
    ...BASE,
    databaseCrashes: 1,
    history: 1,
    given: [
      /tab 1 sends/,
      /tab 2 sends/,
      /tab 1's/,
      /tab 1 gets/,
      /tab 1 sends/,
      /tab 2's/,
      /tab 2 gets/,
      /browser uses/,
      /is confirmed: successor/,
      /tab 1's .* steady/,
      /tab 1 gets/,
      ...QUIET,
    ],
  },
  'limits after the decision': { ...THEFT_BY_HAND, flood: true },
  'renewal of one lineage': { ...THEFT_BY_HAND, reauthentications: 1 },
  'retired keys name sessions': { ...THEFT_BY_HAND, keyRetirement: true },
  'the access cookie chooses': { ...BASE, keyRetirement: true },
  'settle time': { ...BASE, reauthentications: 1, refreshes: 3 },
  // A late answer has set an older access token beside the refresh token of the reauthentication.
  'refresh before a renewal': {
    ...BASE,
    network: 'slow',
    reauthentications: 1,
    renewals: 1,
    given: [
      /tab 1 sends/,
      /tab 1's .* current/,
      /tab 1 gets/,
      /tab 1 sends/,
      /tab 1's .* successor/,
      /authenticates again/,
      /tab 2 gets/,
      /tab 1 gets/,
      ...SETTLING,
    ],
  },
  'evidence of the present version': {
    ...THEFT_BY_HAND,
    reauthentications: 1,
    given: [
      /thief copies/,
      /authenticates again/,
      ...SETTLING,
      /thief refreshes/,
      /a tick/,
      /browser refreshes/,
    ],
  },
  'reuse after a renewal without a password': { ...THEFT_BY_HAND, thiefRenews: true },
  'reuse after a copied reauthentication': {
    ...THEFT,
    thiefRenews: true,
    reauthentications: 1,
    refreshes: 3,
    given: [
      /authenticates again/,
      /thief copies/,
      /a tick/,
      /thief renews/,
      ...QUIET,
      /thief refreshes .* renewed/,
    ],
  },
  'durable sibling switch': {
    ...BASE,
    databaseCrashes: 1,
    refreshes: 5,
    given: [/tab 1 sends/, /tab 2 sends/, /tab 1's/, /tab 2's/],
  },
  'own child for every caller': { ...THEFT_BY_HAND, given: [/thief copies/, /browser refreshes/] },
  'only presented tokens are evidence': { ...BASE, network: 'faulty', tabs: 1, refreshes: 2 },
  'windows from the recorded turn': {
    ...BASE,
    settings: LONG,
    network: 'slow',
    browserCrashes: 1,
    tabs: 1,
    refreshes: 2,
    turns: 2,
  },
  'clock tolerance': { ...BASE, skew: true, browserCrashes: 1, tabs: 1, refreshes: 2 },
}
