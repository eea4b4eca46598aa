import type { Engine } from '../core/engine.ts'

/** The field `event` of warnings about settings. Pawl logs them once, or once for each origin, and emits no event. */
export const SETTING_WARNINGS = [
  'originRefused',
  'corsBlocked',
  'cookiesNotSent',
  'cookiesDropped',
  'refreshUnserved',
  'formPassedOn',
] as const

export type SettingWarning = (typeof SETTING_WARNINGS)[number]

export function warnOfSetting(
  { options }: Pick<Engine, 'options'>,
  event: SettingWarning,
  message: string,
): void {
  options.logger.warn({ event }, message)
}
