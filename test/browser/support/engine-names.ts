export const ENGINE_NAMES = ['chromium', 'firefox', 'webkit'] as const

export type EngineName = (typeof ENGINE_NAMES)[number]

/** Reads `PAWL_ENGINE`. @returns undefined if it is not set */
export function engineNamed(name: string | undefined): EngineName | undefined {
  const found = ENGINE_NAMES.find((known) => known === name)
  if (name && !found) throw new Error(`PAWL_ENGINE is "${name}". The engines are ${ENGINE_NAMES.join(', ')}.`)
  return found
}
