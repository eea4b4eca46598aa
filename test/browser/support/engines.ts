import { chromium } from './chromium.ts'
import type { Engine } from './engine.ts'
import { firefox } from './firefox.ts'
import { webkit } from './webkit.ts'

export type EngineName = 'chromium' | 'firefox' | 'webkit'

const ENGINES: Readonly<Record<EngineName, Engine>> = { chromium, firefox, webkit }

/** The engine that `PAWL_ENGINE` names. */
export function chooseEngine(name = 'chromium'): { readonly name: EngineName; readonly engine: Engine } {
  if (!Object.hasOwn(ENGINES, name))
    throw new Error(`PAWL_ENGINE is "${name}". The engines are ${Object.keys(ENGINES).join(', ')}.`)
  return { name: name as EngineName, engine: ENGINES[name as EngineName] }
}

/** The sentence about an engine that this machine does not have; otherwise undefined. */
export function missingEngine(name?: string): string | undefined {
  const chosen = chooseEngine(name)
  if (chosen.engine.program !== undefined) return undefined
  return `Without ${chosen.name}, its browser tests are skipped (with CI set they fail): ${chosen.engine.remedy}.`
}
