import type { Scenario } from '../scenario.ts'
import { ENDINGS } from './endings.ts'
import { FAILURES } from './failures.ts'
import { LEAKS } from './leaks.ts'
import { LIFE } from './life.ts'
import { RACES } from './races.ts'

/** All scenarios, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [...LIFE, ...RACES, ...FAILURES, ...ENDINGS, ...LEAKS]
