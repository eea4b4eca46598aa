import axe from 'axe-core'
import type { Page as PlaywrightPage } from 'playwright-core'
import { expect } from 'vitest'

/** The widths of a desktop and of a phone. */
const WIDTHS = [1280, 390]

/** Expects no violation of axe and no sideways scrolling: in light and dark, on a desktop and on a phone. */
export async function expectAccessible(page: PlaywrightPage): Promise<void> {
  const { height } = page.viewportSize()!
  await page.evaluate(axe.source)
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      // Colors may change slowly.
      await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)))
      const where = `${page.url()} at ${width} px, ${colorScheme}`
      expect(await violationsOf(page, colorScheme === 'dark'), where).toStrictEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth), where).toBeLessThanOrEqual(
        width,
      )
    }
  }
  await page.setViewportSize({ width: WIDTHS[0]!, height })
  await page.emulateMedia({ colorScheme: 'light' })
}

/**
 * The rules that are broken, with the elements.
 * @param colorsAlone whether the page differs in its colors alone from one that was checked
 */
function violationsOf(page: PlaywrightPage, colorsAlone: boolean): Promise<string[]> {
  return page.evaluate(async (colors) => {
    const { run } = (globalThis as unknown as { axe: typeof axe }).axe
    const { violations } = await run(colors ? { runOnly: ['color-contrast'] } : {})
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }, colorsAlone)
}
