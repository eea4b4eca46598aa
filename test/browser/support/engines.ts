import { chromium } from './chromium.ts'
import type { Engine } from './engine.ts'
import { type EngineName, engineNamed } from './engine-names.ts'
import { firefox } from './firefox.ts'
import { webkit } from './webkit.ts'

const ENGINES: Readonly<Record<EngineName, Engine>> = { chromium, firefox, webkit }

/** The engine that `PAWL_ENGINE` names. */
export function chooseEngine(named?: string): { readonly name: EngineName; readonly engine: Engine } {
  const name = engineNamed(named) ?? 'chromium'
  return { name, engine: ENGINES[name] }
}

/** The sentence about an engine that this machine does not have; otherwise undefined. */
export function missingEngine(name?: string): string | undefined {
  const chosen = chooseEngine(name)
  if (chosen.engine.program !== undefined) return undefined
  return `Without ${chosen.name}, its browser tests are skipped (with CI set they fail): ${chosen.engine.remedy}.`
}
